package gpu

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/shaders"
)

// TestPace runs a plan on devices with several rates. After some pieces, a piece must
// take the aimed time, or less on a fast device.
func TestPace(t *testing.T) {
	for _, kind := range []shaders.Kind{shaders.GPU, shaders.CPU} {
		for _, does := range []float64{3e8, 2e9, 2e10, 5e11, 1e13} {
			steps := make([]plan.Step, 20000)
			p := &Plan{d: &Device{}, dispatches: make([]driver.Command, len(steps)), pipelines: make([]*pipeline, len(steps))}
			for i := range steps {
				steps[i].FLOPs, steps[i].Bytes = 1e8, 1e6
				p.pipelines[i] = &pipeline{}
			}
			p.pace = newPace(steps, kind)
			longest, pieces := 0.0, 0
			for run := range 3 {
				longest, pieces = 0, 0
				for at := 0; at < len(steps); pieces++ {
					n := p.next(at)
					if n.end <= at || n.work > fastest*aim {
						t.Fatalf("a piece of %+v", n)
					}
					seconds := n.work / does
					p.pace.learn(n, time.Duration(seconds*1e9))
					if at = n.end; run > 0 {
						longest = max(longest, seconds)
					}
				}
			}
			each := math.Floor(max(1, min(does, fastest)*aim/p.pace.work[0]))
			if least := math.Ceil(float64(len(steps)) / each); float64(pieces) > 1.1*least+1 {
				t.Errorf("rate %v: %d pieces, but %v are enough", does, pieces, least)
			}
			if longest > 1.3*aim && longest > 1.3*p.pace.work[0]/does {
				t.Errorf("rate %v: a piece takes %v s", does, longest)
			}
		}
	}
}

// TestFresh expects at most two kernels in a piece that are not yet compiled.
func TestFresh(t *testing.T) {
	d := &Device{info: Info{Type: "software", Limits: shaders.Limits{Kind: shaders.CPU}}}
	p := &Plan{d: d, pace: newPace(make([]plan.Step, 9), shaders.CPU), dispatches: make([]driver.Command, 9)}
	for range p.dispatches {
		p.pipelines = append(p.pipelines, &pipeline{})
	}
	p.pipelines[4].ran.Store(true)
	var ends []int
	for at := 0; at < len(p.dispatches); at = ends[len(ends)-1] {
		n := p.next(at)
		if !n.fresh {
			t.Errorf("a piece without fresh kernels: %+v", n)
		}
		ends = append(ends, n.end)
	}
	if want := []int{2, 5, 7, 9}; !slices.Equal(ends, want) {
		t.Errorf("pieces end at %v, want %v", ends, want)
	}
}

// TestWork divides an op's operations among its dispatches.
func TestWork(t *testing.T) {
	got := work([]plan.Step{{FLOPs: 60, Bytes: 10}, {Bytes: 20}, {FLOPs: 7, Bytes: 1}, {Bytes: 0}})
	if want := []float64{20 + 40, 40 + 80, 7 + 4, 0}; !slices.Equal(got, want) {
		t.Errorf("work is %v, want %v", got, want)
	}
}
