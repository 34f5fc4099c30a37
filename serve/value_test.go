package serve

import (
	"encoding/binary"
	"math"
	"testing"
)

// TestChannelsLast compares both ways of reading a tensor: at once in the order of networks,
// and with another order in between.
func TestChannelsLast(t *testing.T) {
	for _, shape := range [][]int{{2, 3, 4, 5}, {1, 1, 3, 2}, {3, 4, 1, 1}} {
		v := &Value{Name: "x", Datatype: "FP32", Shape: shape}
		for i := range shape[0] * shape[1] * shape[2] * shape[3] {
			v.Raw = binary.LittleEndian.AppendUint32(v.Raw, math.Float32bits(float32(i)))
		}
		got, err := v.channelsLast()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := v.tensor()
		if err != nil {
			t.Fatal(err)
		}
		want := plain.ToNHWC()
		if !got.Shape.Equal(want.Shape) || got.Name != want.Name {
			t.Fatalf("%v: %v, want %v", shape, got, want)
		}
		for i := range want.Data {
			if got.Data[i] != want.Data[i] {
				t.Fatalf("%v: element %d is %v, want %v", shape, i, got.Data[i], want.Data[i])
			}
		}
	}
	if _, err := (&Value{Datatype: "FP32", Shape: []int{1, 1, 2, 2}, Raw: make([]byte, 15)}).channelsLast(); err == nil {
		t.Error("data that are too short are no error")
	}
}
