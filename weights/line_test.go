package weights

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzLine compares parseLine with json.Unmarshal.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}`,
		` { "shape" : [ ] , "data_offsets" : [ 0 , 4 ] , "dtype" : "F32" } `,
		`{"dtype":"F\u0033","shape":[1],"data_offsets":[0,4]}`,
		`{"dtype":"F32","DTYPE":"F16","shape":[1],"data_offsets":[0,4]}`,
		`{"dtype":"F32","shape":[1e2],"data_offsets":[0,4]}`,
		`{"dtype":"F32","shape":null,"data_offsets":[-1,9223372036854775808]}`,
		`{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}`,
		`{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":{"dtype":"]"}}`,
		`{"dtype":"F32","shape":[1]}`, `{}`, `[]`, `null`, `""`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if checkJSON(text) != nil {
			return // ReadSafetensors gives parseLine no such text
		}
		var want line
		wrong := json.Unmarshal(text, &want)
		got, err := parseLine(text)
		if (err != nil) != (wrong != nil) || err == nil && !sameLine(got, want) {
			t.Errorf("%q: %+v, %v; want %+v, %v", text, got, err, want, wrong)
		}
	})
}

// sameLine compares lines. An empty list is as good as none.
func sameLine(a, b line) bool {
	list := func(x, y []int64) bool { return len(x) == 0 && len(y) == 0 || reflect.DeepEqual(x, y) }
	return a.DType == b.DType && list(a.Shape, b.Shape) && list(a.Offsets, b.Offsets)
}
