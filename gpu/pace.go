package gpu

import (
	"math"
	"time"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/shaders"
)

const (
	// byteWork is the work of a byte that a dispatch sees, in operations.
	byteWork = 4

	// fastest is the highest rate that a pace assumes, in work per second, and the
	// first one for a GPU; slow is the first one for a software device. At these
	// rates a submission that takes aim seconds is so large on a fast GPU that the
	// latency of a submission is negligible.
	fastest = 200e9
	slow    = 10e9
)

// pace divides a plan's dispatches into submissions that take about aim seconds.
// It learns the device's rate from earlier submissions.
type pace struct {
	work []float64 // of each dispatch
	rate float64   // work per second
}

func newPace(steps []plan.Step, kind shaders.Kind) pace {
	p := pace{work: work(steps), rate: fastest}
	if kind == shaders.CPU {
		p.rate = slow
	}
	return p
}

// work returns the work of each step. An op's first step counts the operations of
// all the op's steps; work divides them among these steps by their bytes.
func work(steps []plan.Step) []float64 {
	w := make([]float64, len(steps))
	for i := 0; i < len(steps); {
		bytes, next := float64(steps[i].Bytes), i+1
		for next < len(steps) && steps[next].FLOPs == 0 {
			bytes += float64(steps[next].Bytes)
			next++
		}
		each := byteWork + float64(steps[i].FLOPs)/max(bytes, 1) // work of a byte
		for ; i < next; i++ {
			w[i] = each * float64(steps[i].Bytes)
		}
	}
	return w
}

// piece is a part of a plan's dispatches: one submission.
type piece struct {
	end     int     // the dispatch after the last
	work    float64 // of all its dispatches
	seconds float64 // expected
	full    bool    // ended because another dispatch would make it longer than aim
	fresh   bool    // the device has yet to compile some of its kernels
}

// next returns the piece that begins with dispatch at. A software device compiles
// a kernel when it first runs, so such a kernel counts as half a piece. A step on
// the host ends a piece and belongs to none.
func (p *Plan) next(at int) piece {
	n := piece{end: at}
	for ; n.end < len(p.dispatches) && p.hosted[n.end] == nil; n.end++ {
		work := p.pace.work[n.end]
		seconds := work / p.pace.rate
		fresh := p.d.info.Kind() == shaders.CPU && !p.pipelines[n.end].ran.Load()
		if fresh {
			seconds += aim / 2
		}
		if n.full = n.end > at && n.seconds+seconds > aim; n.full {
			break
		}
		n.work, n.seconds, n.fresh = n.work+work, n.seconds+seconds, n.fresh || fresh
	}
	return n
}

// learn adjusts the rate to the time that a piece took, from its submission on. It
// ignores a short piece that is not full, because latency is a large part of its
// time.
func (p *pace) learn(n piece, took time.Duration) {
	seconds := took.Seconds()
	if n.fresh || n.work == 0 || !n.full && seconds < aim {
		return
	}
	measured := n.work / max(seconds, 1e-6)
	p.rate = min(max(math.Sqrt(p.rate*measured), p.rate/4), p.rate*4, fastest)
}
