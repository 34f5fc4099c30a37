package index

import (
	"math"
	"runtime"
	"sync"
)

// codes are vectors in seven bits a number, from which a search learns which vectors it
// need not look at. Dimension d of a vector x is about
//
//	x_d ≈ mean_d + scale_d · step · (z_d − 64),  0 < z_d < 128
//
// where step is the vector's own. Eight z are in a word, a byte each, the first in the
// lowest.
type codes struct {
	mean, scale []float32
	words       int // of a vector
	z           []uint64
	of          []coded
}

// coded is what a vector has beside its words.
type coded struct {
	step float32
	sum  float32 // Σ z
	miss float32 // the length of what the code leaves out of x
	size float32 // step · the length of z − 64
}

// newCodes makes the codes of vectors, on all cores.
func newCodes(vectors [][]float32) *codes {
	width := len(vectors[0])
	c := &codes{words: (width + 7) / 8, of: make([]coded, len(vectors))}
	c.z = make([]uint64, c.words*len(vectors))
	c.measure(vectors)
	inverse := make([]float32, width)
	for d, s := range c.scale {
		inverse[d] = 1 / s
	}
	parts := runtime.GOMAXPROCS(0)
	var wait sync.WaitGroup
	for p := range parts {
		wait.Go(func() {
			y := make([]float32, 8*c.words)
			for i := len(vectors) * p / parts; i < len(vectors)*(p+1)/parts; i++ {
				c.of[i] = c.encode(vectors[i], inverse, y, c.z[i*c.words:][:c.words])
			}
		})
	}
	wait.Wait()
	return c
}

// measure sets mean and scale from some of the vectors. Which ones, is only a matter of
// how much the codes leave out.
func (c *codes) measure(vectors [][]float32) {
	width := len(vectors[0])
	sum, squares := make([]float64, width), make([]float64, width)
	stride := max(len(vectors)/4096, 1)
	n := 0.0
	for i := 0; i < len(vectors); i += stride {
		for d, x := range vectors[i] {
			sum[d] += float64(x)
			squares[d] += float64(x) * float64(x)
		}
		n++
	}
	c.mean, c.scale = make([]float32, width), make([]float32, width)
	all := 0.0
	for d := range sum {
		squares[d] = max(squares[d]/n-sum[d]/n*sum[d]/n, 0)
		all += squares[d] / float64(width)
	}
	for d := range sum {
		c.mean[d] = float32(sum[d] / n)
		c.scale[d] = float32(math.Sqrt(max(squares[d], 1e-3*all)))
		if !(c.scale[d] > 1e-30) {
			c.scale[d] = 1
		}
	}
}

// encode writes the code of a vector into z. It uses y.
func (c *codes) encode(x, inverse, y []float32, z []uint64) coded {
	mean, scale := c.mean[:len(x)], c.scale[:len(x)]
	inverse, y = inverse[:len(x)], y[:len(x)]
	var most, length float32
	for d, v := range x {
		y[d] = (v - mean[d]) * inverse[d]
		if y[d] > most {
			most = y[d]
		} else if -y[d] > most {
			most = -y[d]
		}
		length += v*v + mean[d]*mean[d]
	}
	of := coded{step: most / 63}
	turn := float32(0)
	if of.step > 0 {
		turn = 1 / of.step
	}
	var sum, size int32
	var miss float32
	for d, v := range y {
		k := int32(v*turn+64.5) & 127
		z[d/8] |= uint64(k) << (d % 8 * 8)
		sum += k
		k -= 64
		size += k * k
		off := (v - of.step*float32(k)) * scale[d]
		miss += off * off
	}
	of.sum = float32(sum)
	of.size = of.step * float32(math.Sqrt(float64(size))) * (1 + 1e-6)
	of.miss = float32(math.Sqrt(float64(miss))*(1+1e-4) + 2e-5*math.Sqrt(float64(length))) // of rounding, also of dot
	if !(of.miss < math.MaxFloat32) || !(of.size < math.MaxFloat32) {
		of = coded{miss: float32(math.Inf(1))} // such as of a vector that is not finite
	}
	return of
}

// asked is a query that codes are compared with. Its product with scale is in 14 bits a
// number: seven coarse ones and seven fine ones.
type asked struct {
	c            *codes
	coarse, fine factors
	unit         float64 // of the 14 bits
	base         float64 // the product of the query and mean
	sum          float64 // Σ of the 14 bits
	coarseSum    float64 // the same with fine bits of 64
	length       float64
	coarseMiss   float64 // the length of what the coarse bits leave out
	miss         float64 // the length of what all leave out
}

// ask prepares a query.
func (c *codes) ask(query []float32) *asked {
	a := &asked{c: c, coarse: newFactors(c.words), fine: newFactors(c.words)}
	most := 0.0
	p := make([]float64, len(query))
	for d, q := range query {
		p[d] = float64(q) * float64(c.scale[d])
		most = max(most, math.Abs(p[d]))
		a.base += float64(q) * float64(c.mean[d])
		a.length += float64(q) * float64(q)
	}
	a.length = math.Sqrt(a.length)
	if a.unit = most / 8100; a.unit == 0 {
		a.unit = 1
	}
	for d := range p {
		u := int(math.Round(p[d]/a.unit)) + 8192
		a.coarse.set(d, uint8(u>>7))
		a.fine.set(d, uint8(u&127))
		a.sum += float64(u)
		a.coarseSum += float64(u>>7<<7 + 64)
		off, coarse := p[d]-a.unit*float64(u-8192), p[d]-a.unit*float64(u>>7<<7+64-8192)
		a.miss += off * off
		a.coarseMiss += coarse * coarse
	}
	a.miss, a.coarseMiss = math.Sqrt(a.miss)*(1+1e-9), math.Sqrt(a.coarseMiss)*(1+1e-9)
	return a
}

// below reports whether the product of the query and vector i is surely at most limit.
func (a *asked) below(i int, limit float32) bool {
	z, of := a.c.z[i*a.c.words:][:a.c.words], &a.c.of[i]
	coarse := 128 * float64(a.coarse.times(z))
	if a.most(of, coarse+64*float64(of.sum), a.coarseSum, a.coarseMiss) <= float64(limit) {
		return true
	}
	return a.most(of, coarse+float64(a.fine.times(z)), a.sum, a.miss) <= float64(limit)
}

// most returns an upper bound of the product of the query and a vector. total is Σ z·u, u
// being the query's bits, whose sum is sum and which leave out a part as long as miss.
func (a *asked) most(of *coded, total, sum, miss float64) float64 {
	n := float64(len(a.c.mean))
	centred := total - 8192*float64(of.sum) - 64*sum + 64*8192*n
	return a.base + float64(of.step)*a.unit*centred + float64(of.miss)*a.length + float64(of.size)*miss
}
