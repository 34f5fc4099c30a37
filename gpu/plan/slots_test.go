package plan

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkAssign fails if two lives share memory at one step, if rivals share a buffer,
// if a buffer is too small, or if the sum of the buffers is below the bound.
func checkAssign(t *testing.T, lives []life) (total, bound int64) {
	t.Helper()
	slots, sizes, bound := assign(lives, 1<<40)
	for i, a := range lives {
		at := slots[i]
		if at.offset%slotAlign != 0 || at.offset+a.bytes > sizes[at.buffer] {
			t.Fatalf("life %d of %d bytes at %d in a buffer of %d", i, a.bytes, at.offset, sizes[at.buffer])
		}
		for j, b := range lives[:i] {
			with := slots[j]
			if at.buffer != with.buffer {
				continue
			}
			if slices.Contains(a.rivals, j) {
				t.Fatalf("rivals %d and %d share buffer %d", i, j, at.buffer)
			}
			together := a.first <= b.last && b.first <= a.last
			if together && at.offset < with.offset+b.bytes && with.offset < at.offset+a.bytes {
				t.Fatalf("lives %+v and %+v share memory", a, b)
			}
		}
	}
	for _, b := range sizes {
		total += b
	}
	if total < bound {
		t.Fatalf("%d bytes in buffers, %d alive at once", total, bound)
	}
	return total, bound
}

// rival makes two lives rivals.
func rival(lives []life, i, j int) {
	lives[i].rivals = append(lives[i].rivals, j)
	lives[j].rivals = append(lives[j].rivals, i)
}

func FuzzAssign(f *testing.F) {
	f.Add([]byte{4, 0, 1, 4, 1, 2, 4, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var lives []life
		for ; len(b) >= 3 && len(lives) < 100; b = b[3:] {
			lives = append(lives, life{bytes: 1 << (b[0] % 16), first: int(b[1]), last: int(b[1]) + int(b[2])})
			if n := len(lives); n > 1 && b[0] > 127 {
				rival(lives, n-1, int(b[2])%(n-1))
			}
		}
		checkAssign(t, lives)
	})
}

func TestAssignChain(t *testing.T) {
	var lives []life
	for i := range 50 {
		lives = append(lives, life{bytes: int64(50-i) << 10, first: i, last: i + 1})
		if i > 0 {
			rival(lives, i, i-1)
		}
	}
	if total, bound := checkAssign(t, lives); total != bound {
		t.Errorf("a shrinking chain takes %d bytes, bound %d", total, bound)
	}
}

// TestAssignUNet has the lives of a U-Net with four levels. A level on the way down
// has two convolutions and a pooling. The second result is kept until the way up,
// which concatenates it with the result of the level below. A separate buffer for
// each value would take 1.22 times the bound.
func TestAssignUNet(t *testing.T) {
	const levels, full = 4, int64(1 << 24)
	var lives []life
	step := 0
	value := func(bytes int64, from ...int) int { // made at this step, needed at the next
		lives = append(lives, life{bytes: bytes, first: step, last: step + 1})
		for _, r := range append(from, len(lives)-2) {
			if r >= 0 {
				rival(lives, len(lives)-1, r)
			}
		}
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
		value(full>>d*2, skips[d]) // concatenated
		value(full >> d)
		value(full >> d)
	}
	total, bound := checkAssign(t, lives)
	if float64(total) > 1.05*float64(bound) {
		t.Errorf("%d bytes, bound %d", total, bound)
	}
}

func TestAssignRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var sum, sumBound float64
	for range 200 {
		var lives []life
		for i := range 60 {
			lives = append(lives, life{bytes: int64(1+r.IntN(1000)) << 10, first: i, last: i + 1 + r.IntN(4)})
			if i > 0 {
				rival(lives, i, i-1)
			}
		}
		total, bound := checkAssign(t, lives)
		sum += float64(total)
		sumBound += float64(bound)
	}
	if sum > 1.15*sumBound {
		t.Errorf("random lives take %.3f of the bound", sum/sumBound)
	}
}
