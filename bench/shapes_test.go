package bench

import (
	"strings"
	"testing"
)

// TestShapeErrors expects errors that say what is wrong, in which entry, and what was
// wanted.
func TestShapeErrors(t *testing.T) {
	const conv = `{"op": "conv2d", "h": 5, "w": 5, "cin": 3, "cout": 4, "kernel": [3, 3]`
	for _, c := range []struct{ text, want string }{
		{``, "want a JSON array of shapes, as [{"},
		{`{"op": "linear"}`, "want a JSON array of shapes, as [{"},
		{`[]`, "no shapes; want a JSON array"},
		{`[{"op": "linear", "m": 1, "k": 2, "n": 3}`, "line 1: no ] at the end"},
		{"[\n" + `{"op": "linear" "m": 1}]`, "entry 1, line 2: invalid character '\"' after object key:value pair"},
		{"[\n" + conv + "},\n\n" + `{"name": "fc", "op": "sort"}]`, `entry 2 (fc), line 4: op "sort", want conv2d or linear`},
		{`[5]`, "entry 1, line 1: want a JSON array of shapes"},
		{`[{"name": "a"}]`, `entry 1 (a), line 1: op "", want conv2d or linear`},
		{`[{"name": 7}]`, `"name" is 7, want a text`},
		{`[{"op": "linear", "m": 1, "k": 2}]`, `no "n", want a whole number of 1 or more`},
		{`[{"op": "linear", "m": 1, "k": 2, "n": "3"}]`, `"n" is "3", want a whole number of 1 or more`},
		{`[{"op": "linear", "m": 1, "k": 2, "n": 0}]`, `"n" is 0, want a whole number of 1 or more`},
		{`[{"op": "linear", "m": 1, "k": 2, "n": 1.5}]`, `"n" is 1.5, want a whole number`},
		{`[{"op": "linear", "m": 1, "k": 2, "n": null}]`, `"n" is null, want a whole number`},
		{`[{"op": "linear", "m": 1, "k": 2, "n": 3, "stride": [1, 1]}]`, `unknown key "stride"; a linear has name, op, count, bias, data, m, k, n`},
		{`[` + conv + `, "bias": 1}]`, `"bias" is 1, want true or false`},
		{`[` + conv + `, "stride": 2}]`, `"stride" is 2, want two whole numbers of 1 or more, down and across, as [3, 3]`},
		{`[` + conv + `, "stride": [2]}]`, `"stride" is [2], want two whole numbers of 1 or more`},
		{`[` + conv + `, "pad": [-1, 0]}]`, `"pad" is [-1, 0], want two whole numbers of 0 or more`},
		{`[` + conv + `, "strides": [2, 2]}]`, `unknown key "strides"; a conv2d has name, op, count,`},
	} {
		if _, err := parseShapes([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	got, err := parseShapes([]byte(`[` + conv + `, "pad": [1, 0], "groups": 1, "bias": true}]`))
	want := Shape{Op: "conv2d", H: 5, W: 5, Cin: 3, Cout: 4, Kernel: [2]int{3, 3}, Pad: [2]int{1, 0}, Groups: 1, Bias: true}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
}
