package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
)

// readInfer reads a request: JSON, or JSON and binary data behind it.
func readInfer(r *http.Request) (request inferRequest, inputs []*Value, err error) {
	body, err := readBody(r)
	if err != nil {
		return request, nil, err
	}
	head, tail := body, []byte(nil)
	if text := r.Header.Get(binaryHeader); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > len(body) {
			return request, nil, fmt.Errorf("%s is %q, and the body has %d bytes", binaryHeader, text, len(body))
		}
		head, tail = body[:n], body[n:]
	}
	if err := decodeJSON(head, &request); err != nil {
		return request, nil, fmt.Errorf("the request is no JSON of the protocol: %w", err)
	}
	if len(request.Inputs) == 0 {
		return request, nil, errors.New("the request has no inputs")
	}
	for _, in := range request.Inputs {
		v := &Value{Name: in.Name, Datatype: in.Datatype, Shape: in.Shape}
		if given := string(in.Parameters.Size); given != "" && given != "null" {
			size, err := strconv.Atoi(given)
			if err != nil || size < 0 || size > len(tail) {
				return request, nil, fmt.Errorf("input %q: binary_data_size is %.40s, and %d bytes are left", in.Name, given, len(tail))
			}
			v.Raw, tail = tail[:size], tail[size:]
			if v.Datatype == "BYTES" {
				if v.Bytes, err = splitBytes(v.Raw); err != nil {
					return request, nil, fmt.Errorf("input %q: %w", in.Name, err)
				}
				v.Raw = nil
			}
		} else if err := v.fill(in.Data, string(in.Parameters.Content) == `"base64"`); err != nil {
			return request, nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		if err := v.check(); err != nil {
			return request, nil, err
		}
		inputs = append(inputs, v)
	}
	if len(tail) > 0 {
		return request, nil, fmt.Errorf("%d bytes belong to no input", len(tail))
	}
	return request, inputs, nil
}

// readBody reads the body of a request. Memory grows with what has come, whatever length the
// client has promised.
func readBody(r *http.Request) ([]byte, error) {
	const first = 1 << 20
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), first)) + bytes.MinRead)
	_, err := b.ReadFrom(r.Body)
	return b.Bytes(), err
}

// mostElements is how many elements lists of a request may have that take more memory than
// bytes on the way: inputs, outputs and strings.
const mostElements = 1 << 14

// decodeJSON decodes the JSON of a request. It refuses one whose outer three levels, which do
// not have the numbers of tensors, have too many elements.
func decodeJSON(text []byte, into any) error {
	depth, elements := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth <= 3 {
				if elements++; elements > mostElements {
					return fmt.Errorf("it has more than %d elements", mostElements)
				}
			}
		}
	}
	return json.Unmarshal(text, into)
}

// splitBytes splits elements that each begin with their length in four bytes.
func splitBytes(b []byte) ([][]byte, error) {
	var all [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("an element of BYTES has no length")
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil, fmt.Errorf("an element of BYTES has %d bytes, and %d are left", n, len(b)-4)
		}
		if len(all) == mostElements {
			return nil, fmt.Errorf("it has more than %d elements", mostElements)
		}
		all, b = append(all, b[4:4+n]), b[4+n:]
	}
	return all, nil
}

// fill sets the data from JSON: numbers, nested or not, booleans, or strings. The strings
// of BYTES are in base64 if the request says so, or if they are encoded pictures.
func (v *Value) fill(data json.RawMessage, coded bool) error {
	if len(data) == 0 {
		return errors.New("it has no data")
	}
	if v.Datatype == "FP16" || v.Datatype == "BF16" {
		return fmt.Errorf("%s goes as binary data only", v.Datatype)
	}
	size, known := sizes[v.Datatype]
	if !known && v.Datatype != "BYTES" {
		return fmt.Errorf("no datatype %q", v.Datatype)
	}
	if n, err := elements(v.Shape, len(data)); err == nil && size > 0 { // an element takes a byte of JSON at least
		v.Raw = make([]byte, 0, n*size)
	}
	depth := 0
	for len(data) > 0 {
		token, rest := nextToken(data)
		data = rest
		switch token[0] {
		case '[':
			if depth++; depth > 32 {
				return errors.New("the data are nested too deep")
			}
		case ']':
			depth--
		case ',', ' ', '\t', '\r', '\n':
		case '"':
			if err := v.addString(token, coded); err != nil {
				return err
			}
		case 't', 'f':
			if v.Datatype != "BOOL" {
				return fmt.Errorf("the data have a boolean, want %s", v.Datatype)
			}
			one := byte(0)
			if token[0] == 't' {
				one = 1
			}
			v.Raw = append(v.Raw, one)
		case '{':
			return errors.New("the data have an object in them")
		case 'n':
			return errors.New("the data have null in them")
		default:
			if err := v.add(token); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextToken cuts the first token off JSON that is not empty. JSON that is not valid has some
// tokens, too.
func nextToken(data []byte) (token, rest []byte) {
	n := 1
	switch {
	case delimiter(data[0]):
	case data[0] == '"':
		for n < len(data) && data[n] != '"' {
			if data[n] == '\\' {
				n++
			}
			n++
		}
		n = min(n+1, len(data))
	default:
		for n < len(data) && !delimiter(data[n]) {
			n++
		}
	}
	return data[:n], data[n:]
}

// delimiter reports whether a byte ends a number of JSON.
func delimiter(b byte) bool {
	switch b {
	case '[', ']', '{', '}', ',', ':', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// addString appends a string of JSON to the data.
func (v *Value) addString(token []byte, coded bool) error {
	if v.Datatype != "BYTES" {
		return fmt.Errorf("the data have a string, want %s", v.Datatype)
	}
	if len(v.Bytes) == mostElements {
		return fmt.Errorf("it has more than %d elements", mostElements)
	}
	var text string
	if err := json.Unmarshal(token, &text); err != nil {
		return err
	}
	one := []byte(text)
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil && (coded || picture(decoded)) {
		one = decoded
	} else if coded {
		return fmt.Errorf("a string is no base64: %w", err)
	}
	v.Bytes = append(v.Bytes, one)
	return nil
}

// picture reports whether b begins as a picture's file does.
func picture(b []byte) bool {
	for _, magic := range []string{"\x89PNG", "\xff\xd8\xff", "RIFF", "GIF8", "BM", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return len(b) > 12 && string(b[4:8]) == "ftyp"
}

// add appends a number to the data.
func (v *Value) add(text []byte) error {
	bits := 8 * sizes[v.Datatype]
	switch v.Datatype {
	case "FP32":
		x, err := strconv.ParseFloat(string(text), 32)
		if err != nil {
			return fmt.Errorf("%.40s is no FP32", text)
		}
		v.Raw = binary.LittleEndian.AppendUint32(v.Raw, math.Float32bits(float32(x)))
		return nil
	case "FP64":
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return fmt.Errorf("%.40s is no FP64", text)
		}
		v.Raw = binary.LittleEndian.AppendUint64(v.Raw, math.Float64bits(x))
		return nil
	case "BOOL":
		if string(text) != "0" && string(text) != "1" {
			return fmt.Errorf("%.40s is no BOOL", text)
		}
		v.Raw = append(v.Raw, text[0]-'0')
		return nil
	case "BYTES":
		return errors.New("the data have a number, want strings")
	case "UINT8", "UINT16", "UINT32", "UINT64":
		x, err := strconv.ParseUint(string(text), 10, bits)
		if err != nil {
			return fmt.Errorf("%.40s is no %s", text, v.Datatype)
		}
		v.Raw = append(v.Raw, binary.LittleEndian.AppendUint64(nil, x)[:bits/8]...)
		return nil
	}
	x, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		return fmt.Errorf("%.40s is no %s", text, v.Datatype)
	}
	v.Raw = append(v.Raw, binary.LittleEndian.AppendUint64(nil, uint64(x))[:bits/8]...)
	return nil
}

// json returns the data as JSON has them, in one flat array.
func (v *Value) json() (any, error) {
	if v.Datatype == "BYTES" {
		var all []string
		for _, b := range v.Bytes {
			all = append(all, string(b))
		}
		return all, nil
	}
	n := len(v.Raw) / sizes[v.Datatype]
	switch v.Datatype {
	case "FP32", "FP16", "BF16":
		all := make([]float32, n)
		for i := range all {
			x, err := v.number(i)
			if err != nil {
				return nil, err
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("output %q has %v, which JSON cannot hold: ask for binary data", v.Name, x)
			}
			all[i] = float32(x)
		}
		return all, nil
	case "INT64":
		all := make([]int64, n)
		for i := range all {
			all[i] = int64(binary.LittleEndian.Uint64(v.Raw[8*i:]))
		}
		return all, nil
	case "BOOL":
		all := make([]bool, n)
		for i := range all {
			all[i] = v.Raw[i] != 0
		}
		return all, nil
	}
	all := make([]float64, n)
	for i := range all {
		x, err := v.number(i)
		if err != nil {
			return nil, err
		}
		all[i] = x
	}
	return all, nil
}
