package shaders

import (
	"regexp"
	"strings"
	"testing"
)

// TestArrays compares the table with the declarations of each kernel file.
func TestArrays(t *testing.T) {
	for file := range arrays {
		if _, err := files.ReadFile(file + ".wgsl"); err != nil {
			t.Errorf("the table has %s: %v", file, err)
		}
	}
	array := regexp.MustCompile(`@binding\(\d+\) var<([^>]*)> (\w+): array<(\w+(?:<\w+>)?)[,>]`)
	for _, file := range kernelFiles() {
		text, err := splice(nil, file)
		if err != nil {
			t.Fatal(err)
		}
		body := comment.ReplaceAllString(text, "")
		var want []string
		for _, d := range array.FindAllStringSubmatch(body, -1) {
			what := map[string]string{"f32": "1", "vec4<f32>": "4", "mat4x4<f32>": "m", "Element": "e"}[d[3]]
			if strings.Contains(d[1], "read_write") && readsOf(body, d[2]) {
				what += "+"
			}
			want = append(want, what)
		}
		got := strings.Fields(arrays[file])
		if len(got) != len(want) {
			t.Errorf("%s has %d arrays, %d in the table", file, len(want), len(got))
			continue
		}
		for i := range got {
			if got[i] != "-" && got[i] != want[i] {
				t.Errorf("%s, binding %d: %s in the table, want %s", file, i, got[i], want[i])
			}
		}
	}
}
