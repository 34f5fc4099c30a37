package gpu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
)

// TuneOptions says how to tune.
type TuneOptions struct {
	Budget time.Duration // for all ops together; 0 means as long as it takes
	Again  bool          // ops that have a tuning, too

	// Own lists the caller's own programs, which are tried, too: see Choice.Own.
	Own func(c shaders.Call, lim shaders.Limits) []shaders.Program

	// Report is called after each op; nil for nobody.
	Report func(OpTuning, TuneProgress)
}

// TuneProgress says how far Tune is.
type TuneProgress struct {
	Done, Ops int           // ops tuned, and all
	Left      time.Duration // a guess
}

// OpTuning is what Tune finds for an op.
type OpTuning struct {
	Tuning
	Uses     int            // in the graphs
	Measured []ProgramTime  // the default first; those that were soon seen to be slow have few rounds
	Wrong    []ProgramFault // never used
}

// ProgramTime is the time of one program.
type ProgramTime struct {
	Program string
	Rounds  int
	Median  time.Duration
	Ratio   float64 // to the default's time in the same round, the median
}

// ProgramFault is a program that a device cannot run or that gives wrong results.
type ProgramFault struct {
	Program string
	Err     error
}

// Tune finds the fastest program for each distinct op of the graphs. It checks each
// program that shaders.Search lists against a reference, on memory filled with NaN. It
// then times those that are right in turns and compares medians. The reference is the
// op's Eval, or for an op with much work the plain kernel on the device.
//
// The ops with the most work come first. Each result is kept at once, in the device's
// Tunings, and plans that are compiled later use it. If ctx or the budget ends, the
// results until then stay. Ops that have a tuning, or only one program, are left out.
// Numbers are random, and the graphs' weights are not read.
func (d *Device) Tune(ctx context.Context, graphs []*graph.Graph, o TuneOptions) ([]OpTuning, error) {
	start, t := time.Now(), d.newTuner(o)
	ops := t.ops(graphs)
	var all []OpTuning
	for i, op := range ops {
		left := time.Duration(1 << 62)
		if o.Budget > 0 {
			if left = o.Budget - time.Since(start); left <= 0 {
				break
			}
		}
		// An op may take twice its share of the time that is left.
		t.until = time.Now().Add(left / time.Duration(max(1, (len(ops)-i+1)/2)))
		result, err := t.op(ctx, op)
		if err != nil {
			return all, err
		}
		all = append(all, result)
		if o.Report != nil {
			p := TuneProgress{Done: i + 1, Ops: len(ops)}
			p.Left = time.Since(start) / time.Duration(p.Done) * time.Duration(p.Ops-p.Done)
			if o.Budget > 0 {
				p.Left = max(0, min(p.Left, o.Budget-time.Since(start)))
			}
			o.Report(result, p)
		}
	}
	return all, nil
}

// ops lists the distinct ops of all graphs that are worth tuning, those with the most
// work first.
func (t *tuner) ops(graphs []*graph.Graph) []plan.Op {
	var ops []plan.Op
	for _, op := range plan.Ops(graphs, t.choice(""), t.d.info.Limits) {
		if !t.o.Again && t.d.tuned.program(op.Key) != "" {
			continue
		}
		ops = append(ops, op)
	}
	return ops
}

// choice returns the choice of the program with this name, "" for the default.
func (t *tuner) choice(name string) Choice {
	return Choice{Own: t.o.Own, F16: t.d.f16, Tuned: func(string) string { return name }}
}

// tuner holds the state of Tune.
type tuner struct {
	d     *Device
	o     TuneOptions
	until time.Time          // the end of the time for the present op
	slow  map[string]*record // by program
}

// record says how slow a program was for the ops so far.
type record struct {
	ops   int
	least float64 // of its times over the best program's
}

func (d *Device) newTuner(o TuneOptions) *tuner {
	return &tuner{d: d, o: o, slow: map[string]*record{}}
}

// hopeless reports whether a program is not worth a try: it was far slower than the
// best for several other ops.
func (t *tuner) hopeless(program string) bool {
	const few, far = 3, 3
	r := t.slow[program]
	return r != nil && r.ops >= few && r.least > far
}

// learn adds the times for an op to the records.
func (t *tuner) learn(times []ProgramTime) {
	best := times[0].Ratio
	for _, p := range times {
		best = min(best, p.Ratio)
	}
	for _, p := range times {
		r := t.slow[p.Program]
		if r == nil {
			r = &record{least: p.Ratio / best}
			t.slow[p.Program] = r
		}
		r.ops++
		r.least = min(r.least, p.Ratio/best)
	}
}

// better is the largest ratio of times at which a program takes the default's place:
// what is closer may be noise.
const better = 0.97

// op tunes one op and keeps the result.
func (t *tuner) op(ctx context.Context, op plan.Op) (OpTuning, error) {
	r := OpTuning{Tuning: t.d.tuned.device, Uses: op.Uses}
	r.Op = op.Key
	b, err := t.trial(ctx, op, muchWork)
	if err != nil {
		return r, fmt.Errorf("gpu: tuning %s: %w", op.Key, err)
	}
	defer b.close()
	if err := b.check(ctx); err != nil {
		return r, err
	}
	r.Wrong = b.wrong
	if err := b.compete(ctx); err != nil {
		return r, err
	}
	r.Measured = b.times()
	if len(r.Measured) == 0 {
		return r, fmt.Errorf("gpu: tuning %s: no program is right: %w", op.Key, errors.Join(faults(b.wrong)...))
	}
	t.learn(r.Measured)
	r.Default, r.Program, r.Ratio = b.names[0], r.Measured[0].Program, 1
	for _, m := range r.Measured {
		if m.Rounds >= fewRounds && m.Ratio < min(better, r.Ratio) {
			r.Program, r.Ratio = m.Program, m.Ratio
		}
	}
	if b.hasty && r.Program == r.Default {
		return r, nil // another time may find a faster one
	}
	return r, t.d.tuned.keep(r.Tuning)
}

func faults(wrong []ProgramFault) []error {
	var all []error
	for _, w := range wrong {
		all = append(all, fmt.Errorf("%s: %w", w.Program, w.Err))
	}
	return all
}
