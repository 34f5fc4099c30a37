package gpu

import (
	"math"
	"time"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/shaders"
)

const (
	// byteWork is how much work a byte that a dispatch sees is: as much as so many
	// operations.
	byteWork = 4

	// fastest is the most work a second that is counted on, and what a GPU is first
	// taken to do; slow is what a software device is. A submission of the length
	// aimed at is so large on a fast GPU that the way to it and back does not count.
	fastest = 200e9
	slow    = 10e9
)

// pace divides a plan's dispatches into submissions of about the length aimed
// at, by how long those before took.
type pace struct {
	work []float64 // of each dispatch
	rate float64   // work a second
}

func newPace(steps []plan.Step, kind shaders.Kind) pace {
	p := pace{work: work(steps), rate: fastest}
	if kind == shaders.CPU {
		p.rate = slow
	}
	return p
}

// work is how much each step has to do. What an op's first step says of
// operations is about all steps of the op, and is shared out by their bytes.
func work(steps []plan.Step) []float64 {
	w := make([]float64, len(steps))
	for i := 0; i < len(steps); {
		bytes, next := float64(steps[i].Bytes), i+1
		for next < len(steps) && steps[next].FLOPs == 0 {
			bytes += float64(steps[next].Bytes)
			next++
		}
		each := byteWork + float64(steps[i].FLOPs)/max(bytes, 1) // of a byte
		for ; i < next; i++ {
			w[i] = each * float64(steps[i].Bytes)
		}
	}
	return w
}

// piece is a part of a plan's dispatches: one submission.
type piece struct {
	end     int     // the dispatch after the last
	work    float64 // of all
	seconds float64 // that they should take
	full    bool    // the length aimed at ended it
	fresh   bool    // some kernels are yet to be compiled
}

// next is the piece that begins with dispatch at. A kernel that has not run yet,
// which a software device compiles then, counts as half a piece. A step of the
// host ends a piece, and is in none.
func (p *Plan) next(at int) piece {
	n := piece{end: at}
	for ; n.end < len(p.dispatches) && p.hosted[n.end] == nil; n.end++ {
		work := p.pace.work[n.end]
		seconds := work / p.pace.rate
		fresh := p.d.info.Limits.Kind == shaders.CPU && !p.pipelines[n.end].ran.Load()
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

// learn takes note of how long a piece took, from its submission on. One that is
// short and was not cut to be as long as it is says little, for the way to the
// device and back counts, too.
func (p *pace) learn(n piece, took time.Duration) {
	seconds := took.Seconds()
	if n.fresh || n.work == 0 || !n.full && seconds < aim {
		return
	}
	measured := n.work / max(seconds, 1e-6)
	p.rate = min(max(math.Sqrt(p.rate*measured), p.rate/4), p.rate*4, fastest)
}
