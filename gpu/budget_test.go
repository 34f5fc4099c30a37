package gpu

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
)

// Without the tag sweep, a test takes a kernel for so many of its graphs, and so many
// texts of a file. A software driver needs up to ten seconds to compile one text.
const (
	budgetGraphs = 2
	budgetTexts  = 1
)

// budget chooses which candidates a test runs. The zero value is ready. The choice is a
// function of the graphs and their order, so it is made before anything runs at once.
type budget struct {
	strict bool                       // a graph without a candidate in the budget is left out
	frugal bool                       // only a graph that no text taken can compute gets a new text
	graphs map[string]int             // that a kernel was taken for, by the kernel's name
	texts  map[string]map[string]bool // taken, by file
}

// choose returns the names of the programs for g that the budget allows. The first
// choice is always one of them, unless b is strict or frugal. With the tag sweep all are.
func (b *budget) choose(t *testing.T, d *Device, g *graph.Graph, base Choice) map[string]bool {
	t.Helper()
	if b.graphs == nil {
		b.graphs, b.texts = map[string]int{}, map[string]map[string]bool{}
	}
	names := map[string]bool{}
	var first string
	var plans []*plan.Plan
	for c := range Candidates(base) {
		p, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, c.Choice)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		plans = append(plans, p)
		if first == "" {
			first = c.Name
		}
		if sweep || b.allows(d, p) || c.Name == first && !b.strict && !b.frugal {
			names[c.Name] = true
			b.take(p)
		}
	}
	if b.frugal && len(names) == 0 && len(plans) > 0 {
		names[first] = true
		b.take(plans[0])
	}
	return names
}

// allows reports whether a kernel of p is within the budget. If b is frugal, all texts
// of p have to be taken already. On a device of kind CPU, so have texts with barriers:
// a software driver takes up to ten seconds to compile one.
func (b *budget) allows(d *Device, p *plan.Plan) bool {
	some := b.frugal
	for _, s := range p.Steps {
		if s.Eval != nil {
			continue
		}
		texts := b.texts[s.Kernel.File]
		if !texts[s.Name] && (b.frugal || d.info.Limits.Kind == shaders.CPU && barriers(s.Kernel)) {
			return false
		}
		if b.graphs[s.Name] < budgetGraphs && (texts[s.Name] || len(texts) < budgetTexts) {
			some = true
		}
	}
	return some
}

func barriers(k shaders.Kernel) bool {
	text, err := k.Source()
	return err == nil && strings.Contains(text, "workgroupBarrier")
}

// take counts the kernels of p.
func (b *budget) take(p *plan.Plan) {
	seen := map[string]bool{}
	for _, s := range p.Steps {
		if s.Eval != nil || seen[s.Name] {
			continue
		}
		seen[s.Name] = true
		b.graphs[s.Name]++
		if b.texts[s.Kernel.File] == nil {
			b.texts[s.Kernel.File] = map[string]bool{}
		}
		b.texts[s.Kernel.File][s.Name] = true
	}
}
