package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// standard lists the models of the committed table.
var standard = []string{
	"resnet18", "resnet50", "resnet50@8", "unet", "vit_b_16", "vit_b_16@8", "mae_finetuned_vit_huge", "swin_t", "swin_t@8",
	"sam_vit_b", "sam_vit_h", "clip_vit_b32", "clip_vit_b32:text", "mae_vit_base_patch16", "espcn_x3",
}

// use is a kernel text with the programs and models that take it.
type use struct {
	Name      string             // Kernel.Name
	Programs  []string           // with the kernel's number in the program
	Share     map[string]float64 // of the FLOPs of each model, of ops that it takes part in
	Workgroup int                // invocations

	source string
	access []shaders.Access
}

// most returns the largest share.
func (u use) most() float64 { return slices.Max(append(slices.Collect(maps.Values(u.Share)), 0)) }

// collect lists the kernels that o asks for, those with the largest shares first.
func collect(o options, info driver.Info) ([]*use, error) {
	if o.kernels != "" {
		return named(o.kernels)
	}
	lim, largest := info.Limits, info.MaxBufferSize
	if o.guaranteed {
		lim, largest = shaders.Default, 256<<20
	}
	at := map[string]*use{}
	var zeros []float32
	for _, model := range strings.Split(o.models, ",") {
		g, err := trace(model, &zeros)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", model, err)
		}
		if err := addModel(at, model, g, lim, largest, o); err != nil {
			return nil, fmt.Errorf("%s: %w", model, err)
		}
	}
	var all []*use
	for _, u := range at {
		if (o.all || 100*u.most() >= o.least || o.check != "") && strings.Contains(u.Name+" "+strings.Join(u.Programs, " "), o.program) {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *use) int { return cmp.Or(-cmp.Compare(a.most(), b.most()), strings.Compare(a.Name, b.Name)) })
	return all, nil
}

// trace returns the graph of a model of the list. All weights share zeros.
func trace(model string, zeros *[]float32) (*graph.Graph, error) {
	name, batch := model, 1
	if n, b, ok := strings.Cut(model, "@"); ok {
		var err error
		if batch, err = strconv.Atoi(b); err != nil || batch < 1 {
			return nil, fmt.Errorf("batch %q, want 1 or more", b)
		}
		name = n
	}
	name, text := strings.CutSuffix(name, ":text")
	e, err := zoo.Lookup(name)
	if err != nil {
		return nil, err
	}
	m := e.New()
	weights.Walk(m, func(_ string, t *tensor.Tensor) {
		n := t.Shape.Len()
		if n > len(*zeros) {
			*zeros = make([]float32, n)
		}
		if !t.Bound() {
			t.Data = (*zeros)[:n]
		}
	})
	if c, ok := m.(*models.CLIP); ok && text {
		return graph.Trace(func(g *graph.Graph) { g.Output("y", c.ForwardText(g.Input("x", batch, c.Position.Shape[0]))) })
	}
	return models.TraceForward(m, batch, e.Size, e.Size, e.Channels)
}

// addModel adds the kernels of a model's plan or, with all, of every candidate.
func addModel(at map[string]*use, model string, g *graph.Graph, lim shaders.Limits, largest int64, opt options) error {
	var others []shaders.Program
	choice := plan.Choice{F16: opt.f16}
	if opt.all {
		choice.Program = func(_ shaders.Call, programs []shaders.Program) int {
			others = append(others, programs[1:]...)
			return 0
		}
	}
	p, err := plan.New(g, lim, largest, choice)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, s := range p.Steps {
		total += s.FLOPs
	}
	number, flops := 0, int64(0)
	for i, s := range p.Steps {
		if s.Eval != nil {
			continue
		}
		if number++; s.FLOPs > 0 || i == 0 || p.Steps[i-1].Program != s.Program || p.Steps[i-1].Layer != s.Layer {
			number, flops = 0, s.FLOPs
		}
		u, err := add(at, s.Kernel, s.Program, number)
		if err != nil {
			return err
		}
		u.Share[model] += float64(flops) / float64(total)
	}
	for _, o := range others {
		for k := range o.Kernels {
			if _, err := add(at, o.Kernels[k], o.Name, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds one kernel of a program.
func add(at map[string]*use, k shaders.Kernel, program string, number int) (*use, error) {
	name, err := k.Name()
	if err != nil {
		return nil, err
	}
	u := at[name]
	if u == nil {
		u = &use{Name: name, Share: map[string]float64{}, access: k.Access()}
		if u.source, err = k.Source(); err != nil {
			return nil, err
		}
		u.Workgroup = workgroup(u.source)
		at[name] = u
	}
	if number > 0 {
		program += fmt.Sprintf(" #%d", number+1)
	}
	if !slices.Contains(u.Programs, program) {
		u.Programs = append(u.Programs, program)
	}
	return u, nil
}

// named makes kernels from FILE,CONSTANT=VALUE,... separated by spaces.
func named(list string) ([]*use, error) {
	var all []*use
	for _, one := range strings.Fields(list) {
		parts := strings.Split(one, ",")
		k := shaders.Kernel{File: parts[0], Set: shaders.Set{}}
		for _, p := range parts[1:] {
			name, text, ok := strings.Cut(p, "=")
			if !ok {
				return nil, fmt.Errorf("%s: %q is no CONSTANT=VALUE", one, p)
			}
			k.Set[name] = value(text)
		}
		u, err := add(map[string]*use{}, k, one, 0)
		if err != nil {
			return nil, err
		}
		u.access = accesses(u.source)
		all = append(all, u)
	}
	return all, nil
}

// value returns what a constant is set to: a boolean, a whole number, a fraction or a type.
func value(text string) any {
	if b, err := strconv.ParseBool(text); err == nil && len(text) > 1 {
		return b
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return shaders.Type(text)
}

var (
	binding = regexp.MustCompile(`@binding\(\d+\) var<(storage, read_write|storage|uniform)`)
	size    = regexp.MustCompile(`@workgroup_size\((\w+)(?:, *(\w+))?\)`)
)

// accesses reads the classes of a text's bindings, which stand in order.
func accesses(source string) []shaders.Access {
	var all []shaders.Access
	for _, m := range binding.FindAllStringSubmatch(source, -1) {
		all = append(all, map[string]shaders.Access{"storage": shaders.Read, "storage, read_write": shaders.ReadWrite, "uniform": shaders.Uniform}[m[1]])
	}
	return all
}

// workgroup reads the invocations of a workgroup from a text.
func workgroup(source string) int {
	m := size.FindStringSubmatch(source)
	if m == nil {
		return 0
	}
	product := 1
	for _, word := range m[1:] {
		if c := regexp.MustCompile(`const ` + word + `(?:: u32)? = (\w+);`).FindStringSubmatch(source); word != "" && c != nil {
			word = c[1]
		}
		n, err := strconv.Atoi(strings.TrimSuffix(cmp.Or(word, "1"), "u"))
		if err != nil {
			return 0
		}
		product *= n
	}
	return product
}
