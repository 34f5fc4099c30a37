package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/vision"
)

// spreads make vectors of other kinds than random ones.
var spreads = map[string]func(r *rand.Rand, v []float32, i int){
	"random": func(*rand.Rand, []float32, int) {},
	"narrow": func(r *rand.Rand, v []float32, i int) { // as CLIP's: near to each other, a few large numbers
		for d := range v {
			v[d] = 1 + v[d]/4
		}
		v[0] += 20
		v[len(v)/2] -= 9
	},
	"equal":    func(r *rand.Rand, v []float32, i int) { slices.Sort(v) },
	"rising":   func(r *rand.Rand, v []float32, i int) { v[0] = float32(i+1) / 10 },
	"zero":     func(r *rand.Rand, v []float32, i int) { clear(v[:len(v)-1]) },
	"constant": func(r *rand.Rand, v []float32, i int) { v[0] = 3 },
	"bad":      func(r *rand.Rand, v []float32, i int) { v[0] *= float32(math.Inf(i%2*2 - 1)) },
}

// TestCodes compares a search with codes to one without: they find the same, and the codes
// rule out most vectors.
func TestCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, spread := range spreads {
		for _, width := range []int{1, 7, 8, 9, 512} {
			vectors, query := vectorsFor(2000, width)
			for i, v := range vectors {
				spread(r, v, i)
				if name != "bad" && name != "zero" {
					if err := vision.Unit(v); err != nil {
						t.Fatal(err)
					}
				}
			}
			vectors[7] = vectors[1900]
			c := newCodes(vectors)
			for _, q := range [][]float32{query, vectors[1900], make([]float32, width)} {
				for _, k := range []int{1, 10} {
					want := topK(vectors, nil, q, k)
					got := topK(vectors, c, q, k)
					if !slices.EqualFunc(got, want, func(a, b scored) bool { return a.at == b.at }) {
						t.Errorf("%s, width %d, %d nearest: %v, want %v", name, width, k, got, want)
					}
				}
			}
			if width < 512 || name != "random" && name != "narrow" {
				continue
			}
			best := topK(vectors, nil, query, 10)
			a, left := c.ask(query), 0
			for i := range vectors {
				if !a.below(i, best[9].score) {
					left++
				}
			}
			t.Logf("%s: %d of %d are left", name, left, len(vectors))
			if left > 100 {
				t.Errorf("%s: the codes leave %d of %d", name, left, len(vectors))
			}
		}
	}
}

// TestBound compares the bound of codes with products.
func TestBound(t *testing.T) {
	vectors, query := vectorsFor(500, 100)
	c := newCodes(vectors)
	a := c.ask(query)
	for i, v := range vectors {
		exact := dot(v, query)
		if a.below(i, math.Nextafter32(exact, float32(math.Inf(-1)))) {
			t.Fatalf("vector %d has the product %v, and its code says less", i, exact)
		}
		if over := float32(20 * a.c.of[i].miss); !a.below(i, exact+over*float32(a.length)) {
			t.Fatalf("vector %d: the bound is over %v", i, exact+over)
		}
	}
}
