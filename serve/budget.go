package serve

import "errors"

// errCrowded is the error of a request that comes while others take the memory for them.
var errCrowded = errors.New("the server has too much to hold at the moment")

// mostBodies is how many bodies of the greatest length are held at once, with the pictures
// in them as they become the inputs of networks.
const mostBodies = 16

// share is what a request takes of the memory for all requests.
type share struct {
	s *Server
	n int64
}

// take adds bytes that the request holds from now on. They count even if it fails, which
// it does if all requests hold too many.
func (h *share) take(n int64) error {
	h.n += n
	if h.s.held.Add(n) > mostBodies*h.s.o.MaxBody {
		return errCrowded
	}
	return nil
}

// takeAll is take for values.
func (h *share) takeAll(all []*Value) error {
	n := 0
	for _, v := range all {
		n += len(v.Raw)
	}
	return h.take(int64(n))
}

// give gives all back.
func (h *share) give() {
	h.s.held.Add(-h.n)
	h.n = 0
}
