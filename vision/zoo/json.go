package zoo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// maxConfig is the largest size of a config in bytes. One with the names of 21,841
// classes has 2 MB.
const maxConfig = 32 << 20

// config is an object in a JSON file beside a checkpoint. Its methods return usual for
// a key that is missing or null, and note the first value that is wrong.
type config struct {
	path   string
	within string // keys that lead to the object, with a dot at the end
	values map[string]any
	bad    *error
}

// readConfig reads the JSON object in a file. It returns no values if there is no file.
func readConfig(path string) (config, error) {
	c := config{path: path, bad: new(error)}
	data, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	r := jsonReader{d: d}
	value := r.value(0)
	if _, more := d.Token(); r.err == nil && more != io.EOF {
		r.err = errors.New("more than one value")
	}
	if r.err != nil {
		return c, files.Named(path, fmt.Errorf("%s%w", r.at(), r.err))
	}
	values, ok := value.(map[string]any)
	if !ok {
		return c, files.Named(path, fmt.Errorf("%s, want an object", shown(value)))
	}
	c.values = values
	return c, nil
}

// readSmall reads a regular file of at most maxConfig bytes.
func readSmall(path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return nil, files.Named(path, err)
	case len(data) > maxConfig:
		return nil, files.Named(path, fmt.Errorf("more than %d bytes, which no config has", maxConfig))
	}
	return data, nil
}

// jsonReader reads a value token by token, so that an error can say where it is. Two
// equal keys are an error.
type jsonReader struct {
	d    *json.Decoder
	keys []string // that lead to the current value
	err  error
}

// at returns the keys that lead to the value that is wrong.
func (r *jsonReader) at() string {
	if len(r.keys) == 0 {
		return ""
	}
	return strings.Join(r.keys, ".") + ": "
}

// maxNesting bounds how deep values nest.
const maxNesting = 64

func (r *jsonReader) value(depth int) any {
	token, err := r.d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil || depth > maxNesting {
		if r.err = err; err == nil {
			r.err = errors.New("values nest too deep")
		}
		return nil
	}
	switch token {
	case json.Delim('{'):
		return r.object(depth)
	case json.Delim('['):
		list := []any{}
		for r.err == nil && r.d.More() {
			list = append(list, r.value(depth+1))
		}
		r.close()
		return list
	}
	return token
}

func (r *jsonReader) object(depth int) any {
	values := map[string]any{}
	for r.err == nil && r.d.More() {
		token, err := r.d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			r.err = cmp.Or(err, fmt.Errorf("%v, want a key", token))
			break
		}
		r.keys = append(r.keys, files.Quote(shorten(key, 60)))
		if _, twice := values[key]; twice {
			r.err = errors.New("this key is there twice")
			break
		}
		if values[key] = r.value(depth + 1); r.err == nil {
			r.keys = r.keys[:len(r.keys)-1]
		}
	}
	r.close()
	return values
}

// close reads the end of a list or an object.
func (r *jsonReader) close() {
	if r.err == nil {
		_, r.err = r.d.Token()
	}
	if r.err == io.EOF {
		r.err = io.ErrUnexpectedEOF
	}
}

// shown returns a value for an error.
func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return files.Quote(shorten(string(text), 60))
}

// shorten cuts a text to about n bytes.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-3], "") + "…"
}

// has reports whether a key has a value other than null.
func (c config) has(key string) bool { return c.values[key] != nil }

// wrong notes that the value of a key is not what it should be.
func (c config) wrong(key, want string) {
	if *c.bad == nil {
		*c.bad = files.Named(c.path, fmt.Errorf("%s%s: %s, want %s", c.within, files.Quote(key), shown(c.values[key]), want))
	}
}

// err returns the first value that was wrong.
func (c config) err() error { return *c.bad }

// object returns the object of a key.
func (c config) object(key string) config {
	o := config{c.path, c.within + key + ".", nil, c.bad}
	if c.has(key) {
		values, ok := c.values[key].(map[string]any)
		if !ok {
			c.wrong(key, "an object")
		}
		o.values = values
	}
	return o
}

// text returns the string of a key.
func (c config) text(key string) string {
	s, ok := c.values[key].(string)
	if !ok && c.has(key) {
		c.wrong(key, "a text")
	}
	return s
}

// flag returns the truth of a key.
func (c config) flag(key string) bool {
	b, ok := c.values[key].(bool)
	if !ok && c.has(key) {
		c.wrong(key, "true or false")
	}
	return b
}

// number returns the number of a key, from least to most.
func (c config) number(key string, usual, least, most float64) float64 {
	if !c.has(key) {
		return usual
	}
	v, ok := toNumber(c.values[key], least, most)
	if !ok {
		c.wrong(key, fmt.Sprintf("a number from %g to %g", least, most))
		return usual
	}
	return v
}

// integer returns the integer of a key, from least to most.
func (c config) integer(key string, usual, least, most int) int {
	v := c.number(key, float64(usual), float64(least), float64(most))
	if v != math.Trunc(v) {
		c.wrong(key, "an integer")
		return usual
	}
	return int(v)
}

// integers returns the integers of a key, each from least to most. One number stands
// for itself.
func (c config) integers(key string, least, most int) []int {
	if !c.has(key) {
		return nil
	}
	list, ok := c.values[key].([]any)
	if !ok {
		return []int{c.integer(key, least, least, most)}
	}
	var all []int
	for _, v := range list {
		n, ok := toNumber(v, float64(least), float64(most))
		if !ok || n != math.Trunc(n) {
			c.wrong(key, fmt.Sprintf("integers from %d to %d", least, most))
			return nil
		}
		all = append(all, int(n))
	}
	return all
}

// triple returns three numbers of a key, from least to most.
func (c config) triple(key string, usual [3]float32, least, most float64) [3]float32 {
	if !c.has(key) {
		return usual
	}
	list, _ := c.values[key].([]any)
	if len(list) != 3 {
		c.wrong(key, "three numbers")
		return usual
	}
	for i, v := range list {
		n, ok := toNumber(v, least, most)
		if !ok {
			c.wrong(key, fmt.Sprintf("three numbers from %g to %g", least, most))
			return usual
		}
		usual[i] = float32(n)
	}
	return usual
}

func toNumber(v any, least, most float64) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil && f >= least && f <= most
}
