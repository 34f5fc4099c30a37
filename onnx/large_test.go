package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestLarge opens a file of 3 GB, most of it a hole, and makes a network of it, with little
// memory of its own. The last element of its weight is read.
func TestLarge(t *testing.T) {
	const rows, columns = 1 << 15, 24 << 10
	const size = 4 * rows * columns
	head := message{}.text(8, "w").int(1, rows).int(1, columns).int(2, 1)
	node := message{}.text(1, "x").text(1, "w").text(2, "y").text(4, "Gemm").bytes(5, message{}.text(1, "transB").int(3, 1))
	rest := message{}.bytes(1, node).bytes(11, infoOf("x", 1, columns)).bytes(12, infoOf("y"))
	head = protowire.AppendVarint(protowire.AppendTag(head, 9, protowire.BytesType), size)
	graph := protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), uint64(len(head)+size))
	all := len(rest) + len(graph) + len(head) + size
	start := message{}.int(1, 8).bytes(8, message{}.text(1, "").int(2, 17))
	start = protowire.AppendVarint(protowire.AppendTag(start, 7, protowire.BytesType), uint64(all))
	start = append(append(append(start, rest...), graph...), head...)
	path := filepath.Join(t.TempDir(), "large.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err = f.Write(start); err == nil {
		_, err = f.WriteAt([]byte{0, 0, 0x80, 0x3f}, int64(len(start)+size-4))
	}
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Import(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes are allocated", used)
	}
	w := n.Graph.Nodes[0]
	for _, v := range n.Graph.Nodes {
		if v.Const != nil {
			w = v
		}
	}
	if d := w.Const.Data; len(d) != rows*columns || d[len(d)-1] != 1 || d[0] != 0 {
		t.Errorf("weight of %d elements", len(d))
	}
	if err := m.file.Data.Unmap(); err != nil { // so that the file can be removed everywhere
		t.Error(err)
	}
}
