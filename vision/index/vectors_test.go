package index

import (
	"cmp"
	"fmt"
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
				got := topK(vectors, nil, query, k)
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

// BenchmarkTopK searches vectors of 512 numbers, with codes and without.
func BenchmarkTopK(b *testing.B) {
	for _, n := range []int{100000, 1000000} {
		vectors, query := vectorsFor(n, 512)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				topK(vectors, nil, query, 10)
			}
		})
		c := newCodes(vectors)
		b.Run(fmt.Sprint(n, "coded"), func(b *testing.B) {
			for b.Loop() {
				topK(vectors, c, query, 10)
			}
		})
		b.Run(fmt.Sprint(n, "encode"), func(b *testing.B) {
			for b.Loop() {
				newCodes(vectors)
			}
		})
	}
}
