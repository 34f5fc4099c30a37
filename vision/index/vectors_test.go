package index

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// vectorsFor returns n random vectors and a query.
func vectorsFor(n, width int) (vectors [][]float32, query []float32) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	all := make([]float32, (n+1)*width)
	for i := range all {
		all[i] = float32(r.NormFloat64())
	}
	for i := range n + 1 {
		vectors = append(vectors, all[i*width:][:width:width])
	}
	return vectors[:n], vectors[n]
}

// TestTopK compares topK with a sort of all vectors. The widths are around the unrolled
// loop, and the counts around the number of cores.
func TestTopK(t *testing.T) {
	for _, width := range []int{1, 7, 8, 9, 512} {
		for _, n := range []int{0, 1, 2, 3, 100} {
			vectors, query := vectorsFor(n, width)
			if n > 2 {
				vectors[2] = vectors[0] // equal vectors keep their order
			}
			sums := make([]float64, n)
			want := make([]int, n)
			for i, v := range vectors {
				want[i] = i
				for j, x := range v {
					sums[i] += float64(x) * float64(query[j])
				}
			}
			slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(sums[b], sums[a]) })
			for _, k := range []int{1, 5, 200} {
				got := topK(vectors, query, k)
				if len(got) != min(k, n) {
					t.Fatalf("%d of %d found, want %d", len(got), n, k)
				}
				for i, h := range got {
					if h.at != want[i] || math.Abs(float64(h.score)-sums[h.at]) > 1e-4 {
						t.Errorf("width %d, %d vectors: %d is %v, want %d with %v", width, n, i, h, want[i], sums[want[i]])
					}
				}
			}
		}
	}
}

// BenchmarkTopK searches 100,000 vectors of 512 numbers.
func BenchmarkTopK(b *testing.B) {
	vectors, query := vectorsFor(100000, 512)
	b.SetBytes(int64(len(vectors) * len(query) * 4))
	for b.Loop() {
		topK(vectors, query, 10)
	}
}
