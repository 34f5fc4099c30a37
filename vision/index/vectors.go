package index

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
)

// scored is the number of a vector and its dot product with the query.
type scored struct {
	at    int
	score float32
}

// topK finds the k vectors with the largest dot products with query, the largest
// first. Vectors with equal products keep their order. It compares all vectors, on all
// cores. With codes of the vectors, it looks only at those whose codes do not rule them
// out, and finds the same.
func topK(vectors [][]float32, c *codes, query []float32, k int) []scored {
	k = min(k, len(vectors))
	if k < 1 {
		return nil
	}
	parts := runtime.GOMAXPROCS(0)
	found := make([][]scored, parts)
	var a *asked
	if c != nil {
		a = c.ask(query)
	}
	var wait sync.WaitGroup
	for p := range parts {
		wait.Add(1)
		go func() {
			defer wait.Done()
			from, to := len(vectors)*p/parts, len(vectors)*(p+1)/parts
			best := make([]scored, 0, k+1)
			for i, v := range vectors[from:to] {
				if a != nil && len(best) == k && a.below(from+i, best[k-1].score) {
					continue
				}
				h := scored{from + i, dot(v, query)}
				if len(best) == k && !(h.score > best[k-1].score) {
					continue
				}
				at, _ := slices.BinarySearchFunc(best, h, byScore)
				if best = slices.Insert(best, at, h); len(best) > k {
					best = best[:k]
				}
			}
			found[p] = best
		}()
	}
	wait.Wait()
	all := slices.Concat(found...)
	slices.SortFunc(all, byScore)
	return all[:k]
}

func byScore(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.at, b.at))
}

// dot returns the dot product of two vectors of equal length. It adds up eight sums,
// so that no addition waits for the one before.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		s4 += a[4] * b[4]
		s5 += a[5] * b[5]
		s6 += a[6] * b[6]
		s7 += a[7] * b[7]
		a, b = a[8:], b[8:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3) + ((s4 + s5) + (s6 + s7))
}
