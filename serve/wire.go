package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
)

// readInfer reads a request: JSON, or JSON and binary data behind it.
func readInfer(r *http.Request) (request inferRequest, inputs []*Value, err error) {
	body, err := io.ReadAll(r.Body)
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
	if err := json.Unmarshal(head, &request); err != nil {
		return request, nil, fmt.Errorf("the request is no JSON of the protocol: %w", err)
	}
	if len(request.Inputs) == 0 {
		return request, nil, errors.New("the request has no inputs")
	}
	for _, in := range request.Inputs {
		v := &Value{Name: in.Name, Datatype: in.Datatype, Shape: in.Shape}
		if size, ok := in.Parameters["binary_data_size"].(float64); ok {
			if size < 0 || size != math.Trunc(size) || size > float64(len(tail)) {
				return request, nil, fmt.Errorf("input %q: binary_data_size is %v, and %d bytes are left", in.Name, size, len(tail))
			}
			v.Raw, tail = tail[:int(size)], tail[int(size):]
			if v.Datatype == "BYTES" {
				if v.Bytes, err = splitBytes(v.Raw); err != nil {
					return request, nil, fmt.Errorf("input %q: %w", in.Name, err)
				}
				v.Raw = nil
			}
		} else if err := v.fill(in.Data, in.Parameters["content_type"] == "base64"); err != nil {
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
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch x := token.(type) {
		case json.Delim:
			switch x {
			case '[':
				if depth++; depth > 32 {
					return errors.New("the data are nested too deep")
				}
			case ']':
				depth--
			default:
				return errors.New("the data have an object in them")
			}
		case string:
			if v.Datatype != "BYTES" {
				return fmt.Errorf("the data have a string, want %s", v.Datatype)
			}
			one := []byte(x)
			if decoded, err := base64.StdEncoding.DecodeString(x); err == nil && (coded || picture(decoded)) {
				one = decoded
			} else if coded {
				return fmt.Errorf("a string is no base64: %w", err)
			}
			v.Bytes = append(v.Bytes, one)
		case json.Number:
			if err := v.add(x.String()); err != nil {
				return err
			}
		case bool:
			if v.Datatype != "BOOL" {
				return fmt.Errorf("the data have a boolean, want %s", v.Datatype)
			}
			one := byte(0)
			if x {
				one = 1
			}
			v.Raw = append(v.Raw, one)
		default:
			return errors.New("the data have null in them")
		}
	}
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
func (v *Value) add(text string) error {
	bits := 8 * sizes[v.Datatype]
	switch v.Datatype {
	case "FP32":
		x, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return fmt.Errorf("%s is no FP32", text)
		}
		v.Raw = binary.LittleEndian.AppendUint32(v.Raw, math.Float32bits(float32(x)))
		return nil
	case "FP64":
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s is no FP64", text)
		}
		v.Raw = binary.LittleEndian.AppendUint64(v.Raw, math.Float64bits(x))
		return nil
	case "BOOL":
		if text != "0" && text != "1" {
			return fmt.Errorf("%s is no BOOL", text)
		}
		v.Raw = append(v.Raw, text[0]-'0')
		return nil
	case "BYTES":
		return errors.New("the data have a number, want strings")
	case "UINT8", "UINT16", "UINT32", "UINT64":
		x, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return fmt.Errorf("%s is no %s", text, v.Datatype)
		}
		v.Raw = append(v.Raw, binary.LittleEndian.AppendUint64(nil, x)[:bits/8]...)
		return nil
	}
	x, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return fmt.Errorf("%s is no %s", text, v.Datatype)
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
