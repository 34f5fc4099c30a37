package zoo

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// sparse writes a safetensors file with the tensors of a manifest, whose numbers are all
// zero and take no room on the disk.
func sparse(t *testing.T, path string, m *manifest) {
	t.Helper()
	type entry struct {
		Type    string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	width := map[string]int64{"F32": 4, "F16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
	header, at := map[string]entry{}, int64(0)
	for _, name := range m.names {
		e := m.entries[name]
		if width[e.DType] == 0 {
			t.Fatalf("%s is %s", name, e.DType)
		}
		size := width[e.DType] * int64(e.Shape.Len())
		header[name] = entry{e.DType, append([]int{}, e.Shape...), [2]int64{at, at + size}}
		at += size
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	data := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(data))+at); err != nil {
		t.Fatal(err)
	}
}
