package gpu

import (
	"math/rand/v2"
	"testing"
)

// checkAssign fails if two lives share a slot at one step, a slot is too
// small, or the bound is not one.
func checkAssign(t *testing.T, lives []life) (total, bound int64) {
	t.Helper()
	slot, sizes, bound := assign(lives)
	for i, a := range lives {
		if sizes[slot[i]] < a.bytes {
			t.Fatalf("life %d of %d bytes in a slot of %d", i, a.bytes, sizes[slot[i]])
		}
		for j, b := range lives[:i] {
			if slot[i] == slot[j] && a.first <= b.last && b.first <= a.last {
				t.Fatalf("lives %+v and %+v share slot %d", a, b, slot[i])
			}
		}
	}
	for _, b := range sizes {
		total += b
	}
	if len(lives) > 0 && total < bound {
		t.Fatalf("%d bytes in slots, %d alive at once", total, bound)
	}
	return total, bound
}

func FuzzAssign(f *testing.F) {
	f.Add([]byte{4, 0, 1, 4, 1, 2, 4, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var lives []life
		for ; len(b) >= 3 && len(lives) < 100; b = b[3:] {
			lives = append(lives, life{int64(b[0]) + 1, int(b[1]), int(b[1]) + int(b[2])})
		}
		checkAssign(t, lives)
	})
}

func TestAssignChain(t *testing.T) {
	var lives []life
	for i := range 50 {
		lives = append(lives, life{int64(1000 - 10*i), i, i + 1})
	}
	if total, bound := checkAssign(t, lives); total != bound {
		t.Errorf("a shrinking chain takes %d bytes, bound %d", total, bound)
	}
}

// TestAssignUNet has the lives of a U-Net of four levels: on the way down two
// convolutions and a pooling each, whose second result waits for the way up,
// where it is concatenated with what comes from below. Whole buffers cannot be
// packed tighter here than 1.22 times the bound.
func TestAssignUNet(t *testing.T) {
	const levels, full = 4, int64(1 << 24)
	var lives []life
	step := 0
	value := func(bytes int64) int { // made at this step, needed at the next
		lives = append(lives, life{bytes, step, step + 1})
		step++
		return len(lives) - 1
	}
	value(full / 16) // image
	var skips []int
	for d := range levels {
		value(full >> d)
		skips = append(skips, value(full>>d))
		value(full >> d / 4)
	}
	value(full >> levels)
	value(full >> levels)
	for d := levels - 1; d >= 0; d-- {
		value(full >> d) // up-sampled
		lives[skips[d]].last = step
		value(full >> d * 2) // concatenated
		value(full >> d)
		value(full >> d)
	}
	total, bound := checkAssign(t, lives)
	if float64(total) > 1.22*float64(bound) {
		t.Errorf("%d bytes, bound %d", total, bound)
	}
}

func TestAssignRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var sum, sumBound float64
	for range 200 {
		var lives []life
		for i := range 60 {
			lives = append(lives, life{int64(1 + r.IntN(1000)), i, i + 1 + r.IntN(4)})
		}
		total, bound := checkAssign(t, lives)
		sum += float64(total)
		sumBound += float64(bound)
	}
	if sum > 1.3*sumBound {
		t.Errorf("random lives take %.2f of the bound", sum/sumBound)
	}
}
