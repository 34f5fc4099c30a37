package gpu

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

const (
	// tolerance is the largest difference of a right result from the reference,
	// relative to the reference's largest value.
	tolerance = 1e-5

	// toleranceF16 is for weights that are f16: some programs transform the weights
	// before they round them.
	toleranceF16 = 2e-3

	// muchWork is the work, in operations, from which the plain kernel takes the
	// place of Eval as the reference. Eval takes about a second for it on one core.
	muchWork = 1 << 29

	// fewRounds and manyRounds are the least rounds after which a program can win,
	// and the most.
	fewRounds, manyRounds = 5, 11

	// finalists is how many plans are kept to be timed, beside the default's.
	finalists = 7
)

// trial compares the programs for one op.
type trial struct {
	t      *tuner
	graph  *graph.Graph
	inputs []*tensor.Tensor
	names  []string // of the programs, the default first
	want   *tensor.Tensor
	wrong  []ProgramFault
	runs   []*contender // those whose results are right
	hasty  bool         // some programs were not tried, for lack of time
}

// contender is a program whose result is right.
type contender struct {
	name    string
	plan    *Plan     // nil if the program is too slow to compete
	repeats int       // in one measurement
	seconds []float64 // of each round
}

// trial prepares the trial of an op. The plain kernel is the reference of an op with
// at least much work.
func (t *tuner) trial(ctx context.Context, op plan.Op, much int64) (*trial, error) {
	b := &trial{t: t}
	var err error
	if b.graph, b.inputs, err = op.Alone(1); err != nil {
		return nil, err
	}
	info := t.d.info
	names, plain, err := plan.Programs(b.graph, info.Limits, info.MaxBufferSize, t.choice(""))
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if i == 0 || !t.hopeless(name) {
			b.names = append(b.names, name)
		}
	}
	if plain == "" || graph.FLOPs(op.Value.Op, op.Value.ArgShapes(), op.Value.Shape) < much {
		want, err := b.graph.Eval(ctx, b.inputs...)
		if err != nil {
			return nil, err
		}
		b.want = want[0]
		return b, nil
	}
	p, err := b.compile(plain)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	want, err := p.Run(ctx, b.inputs...)
	if err != nil {
		return nil, err
	}
	b.want = want[0]
	return b, nil
}

func (b *trial) compile(name string) (*Plan, error) {
	p, err := b.t.d.CompileWith(b.graph, b.t.choice(name))
	if err != nil {
		return nil, err
	}
	if err := p.Poison(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (b *trial) close() {
	for _, c := range b.runs {
		c.close()
	}
}

func (c *contender) close() {
	if c.plan != nil {
		c.plan.Close()
		c.plan = nil
	}
}

// check runs each program and compares its result with the reference. Those that are
// right and not far slower than the best so far become contenders.
func (b *trial) check(ctx context.Context) error {
	const some = 4 // programs are compiled at once: the time may end before they all are
	for i, name := range b.names {
		if b.hasty = i > 0 && time.Now().After(b.t.until); b.hasty {
			return nil
		}
		if i%some == 0 {
			b.warm(b.names[i:min(i+some, len(b.names))])
		}
		c, err := b.first(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.wrong = append(b.wrong, ProgramFault{name, err})
			continue
		}
		b.runs = append(b.runs, c)
		b.prune(1.6, finalists)
	}
	return nil
}

// warm compiles the kernels of programs on several cores, where that works.
func (b *trial) warm(names []string) {
	var steps []plan.Step
	for _, name := range names {
		if p, err := plan.New(b.graph, b.t.d.info.Limits, b.t.d.info.MaxBufferSize, b.t.choice(name)); err == nil {
			steps = append(steps, p.Steps...)
		}
	}
	wait, _ := b.t.d.warm(steps, nil)
	wait()
}

// first compiles a program, compares its result with the reference and times it once.
func (b *trial) first(ctx context.Context, name string) (*contender, error) {
	p, err := b.compile(name)
	if err != nil {
		return nil, err
	}
	c := &contender{name: name, plan: p, repeats: 1}
	err = func() error {
		got, err := p.Run(ctx, b.inputs...)
		if err != nil {
			return err
		}
		most := tolerance
		if b.t.d.f16 {
			most = toleranceF16
		}
		diff, err := tensor.Diff(got[0], b.want)
		switch {
		case err != nil:
			return err
		case !(diff.Relative <= most):
			return fmt.Errorf("its result is wrong: %v", diff)
		}
		return b.time(ctx, c)
	}()
	if err != nil {
		c.close()
		return nil, err
	}
	if len(b.runs) > 0 && b.runs[0].name == b.names[0] {
		c.repeats = b.runs[0].repeats
	} else {
		c.repeats = repeats(c.seconds[0])
	}
	if c.repeats > 1 {
		c.seconds = nil
		if err := b.time(ctx, c); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// repeats returns how often a program that takes the given seconds runs in one
// measurement, so that the latency of a submission does not count.
func repeats(seconds float64) int {
	const long, most = 2e-3, 64
	return int(min(most, max(1, math.Ceil(long/max(seconds, 1e-6)))))
}

// time measures a contender once.
func (b *trial) time(ctx context.Context, c *contender) error {
	p := c.plan
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.give()
	start := time.Now()
	if c.repeats == 1 || len(p.hosted) > 0 {
		if err := p.compute(ctx, nil, nil); err != nil {
			return err
		}
	} else {
		p.commands = p.commands[:0]
		for range c.repeats {
			p.commands = append(p.commands, p.dispatches...)
		}
		if err := p.d.run(ctx, p.commands...); err != nil {
			return err
		}
	}
	c.seconds = append(c.seconds, time.Since(start).Seconds()/float64(c.repeats))
	return nil
}

// prune closes the plans of contenders whose median is over far times the best one's,
// and of all but the fastest most. The default stays.
func (b *trial) prune(far float64, most int) {
	open := slices.DeleteFunc(slices.Clone(b.runs), func(c *contender) bool { return c.plan == nil })
	slices.SortStableFunc(open, func(a, b *contender) int { return cmp.Compare(middle(a.seconds), middle(b.seconds)) })
	for i, c := range open {
		if c.name != b.names[0] && (i > most || middle(c.seconds) > far*middle(open[0].seconds)) {
			c.close()
		}
	}
}

// compete times the contenders in turns and drops the slow ones.
func (b *trial) compete(ctx context.Context) error {
	for round := range manyRounds {
		turn := slices.DeleteFunc(slices.Clone(b.runs), func(c *contender) bool { return c.plan == nil })
		if len(turn) < 2 || round >= fewRounds && time.Now().After(b.t.until) {
			return nil
		}
		if round == 0 {
			for _, c := range turn {
				c.seconds = c.seconds[:0] // the first run warmed up
			}
		}
		if round%2 == 1 {
			slices.Reverse(turn)
		}
		for _, c := range turn {
			if err := b.time(ctx, c); err != nil {
				return err
			}
		}
		switch round {
		case 1:
			b.prune(1.25, 5)
		case 3:
			b.prune(1.12, 3)
		case 6:
			b.prune(1.06, 2)
		}
	}
	return nil
}

// times returns the measurements, those of the default first. If the default is wrong,
// the first is the fastest.
func (b *trial) times() []ProgramTime {
	if len(b.runs) == 0 {
		return nil
	}
	base := b.runs[0]
	if base.name != b.names[0] {
		base = slices.MinFunc(b.runs, func(a, b *contender) int { return cmp.Compare(middle(a.seconds), middle(b.seconds)) })
	}
	var all []ProgramTime
	for _, c := range b.runs {
		ratios := make([]float64, min(len(c.seconds), len(base.seconds)))
		for i := range ratios {
			ratios[i] = c.seconds[i] / base.seconds[i]
		}
		m := ProgramTime{Program: c.name, Rounds: len(c.seconds), Median: time.Duration(1e9 * middle(c.seconds)), Ratio: middle(ratios)}
		if c == base {
			all = append([]ProgramTime{m}, all...)
		} else {
			all = append(all, m)
		}
	}
	return all
}

// middle returns the median of at least one number.
func middle(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
