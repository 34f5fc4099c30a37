// Command onnx runs ONNX's tests of operators and says which pass: by tier, and by operator
// as a table. It takes the folder with MANIFEST.tsv, or a folder of models with their data.
//
//	go run ./bench/onnx SUITE              # on the device
//	go run ./bench/onnx --cpu -v SUITE     # by Eval, with each failure
//	go run ./bench/onnx --table onnx/operators.md SUITE
//	go run ./bench/onnx -v MODELS          # within 1e-4 of the largest value
//	go run ./bench/onnx --fill TO MODEL    # a model with the weights that its weights.json describes
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "onnx:", err)
		os.Exit(1)
	}
}

// test is a line of the manifest and what came of it.
type test struct {
	path, tier, class string
	ops               []string // operator and version
	err               error
}

// The tolerances of a suite, of models, and of models in float16.
var (
	ofTests  = cases.Tolerance{Absolute: 1e-3, Relative: 1e-3}
	ofModels = cases.Tolerance{OfLargest: 1e-4}
	ofHalves = cases.Tolerance{OfLargest: 1e-2}
)

func run(args []string, out io.Writer) error {
	f := flag.NewFlagSet("onnx", flag.ContinueOnError)
	cpu := f.Bool("cpu", false, "compute by Eval in place of the device")
	kind := f.String("kind", "", "gpu or cpu: run the kernels for this kind of device")
	verbose := f.Bool("v", false, "print each failure")
	only := f.String("run", "", "run tests whose path matches this expression")
	tier := f.String("tier", "", "run this tier")
	table := f.String("table", "", "write a Markdown table by operator to this file")
	fill := f.String("fill", "", "write the model in the folder to this one, with its weights, and end")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("want the folder of the suite")
	}
	if *fill != "" {
		return filled(f.Arg(0), *fill)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	tests, err := manifest(f.Arg(0))
	if err != nil {
		return err
	}
	tests = slices.DeleteFunc(tests, func(t *test) bool {
		return !match.MatchString(t.path) || *tier != "" && t.tier != *tier
	})
	compute := evaluated
	if !*cpu {
		d, err := gpu.Open(gpu.Options{Kind: *kind})
		if err != nil {
			return err
		}
		defer d.Close()
		compute = on(d)
	}
	for _, t := range tests {
		t.err = t.check(filepath.Join(f.Arg(0), t.path), compute)
		if *verbose && t.err != nil {
			fmt.Fprintf(out, "%s: %v\n", t.path, t.err)
		}
	}
	summary(out, tests)
	if *table == "" {
		return nil
	}
	return os.WriteFile(*table, []byte(markdown(tests)), 0o644)
}

// filled copies a model with the weights that it is stored without.
func filled(from, to string) error {
	ok, err := cases.Fill(from, to)
	if err == nil && !ok {
		err = fmt.Errorf("%s has no weights.json", from)
	}
	return err
}

// manifest reads MANIFEST.tsv.
func manifest(folder string) ([]*test, error) {
	f, err := os.Open(filepath.Join(folder, "MANIFEST.tsv"))
	if errors.Is(err, os.ErrNotExist) {
		return models(folder)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var tests []*test
	for lines := bufio.NewScanner(f); lines.Scan(); {
		col := strings.Split(lines.Text(), "\t")
		if len(col) < 6 || col[0] == "path" {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, col[0])); err == nil {
			tests = append(tests, &test{path: col[0], tier: col[2], class: col[3], ops: strings.Fields(col[5])})
		}
	}
	return tests, nil
}

// models lists the models in a folder.
func models(folder string) ([]*test, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*", "model.onnx"))
	var tests []*test
	for _, p := range paths {
		tests = append(tests, &test{path: filepath.Base(filepath.Dir(p)), tier: "model"})
	}
	return tests, err
}

// check runs a test.
func (t *test) check(folder string, compute cases.Compute) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if t.tier == "model" {
		to, err := os.MkdirTemp("", "onnx")
		if err != nil {
			return err
		}
		defer os.RemoveAll(to)
		if filled, err := cases.Fill(folder, to); err != nil {
			return err
		} else if filled {
			folder = to
		}
	}
	m, err := onnx.Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		return err
	}
	defer m.Close()
	sets, err := cases.Sets(folder)
	if err != nil {
		return err
	}
	bound := ofTests
	if t.tier == "model" {
		bound = ofModels
		if v := m.Given(); len(v) > 0 && v[0].Type == onnx.Float16 {
			bound = ofHalves
		}
	}
	for _, s := range sets {
		if err := s.Run(context.Background(), m, compute, bound); err != nil {
			return err
		}
	}
	return nil
}

func evaluated(ctx context.Context, g *graph.Graph, inputs []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return g.Eval(ctx, inputs...)
}

// on computes on a device, and refuses graphs of which a part would run elsewhere.
func on(d *gpu.Device) cases.Compute {
	return func(ctx context.Context, g *graph.Graph, inputs []*tensor.Tensor) ([]*tensor.Tensor, error) {
		p, err := d.Compile(g)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		if n := p.Stats().Evals; n > 0 {
			return nil, fmt.Errorf("%d ops have no kernel", n)
		}
		return p.Run(ctx, inputs...)
	}
}

// summary prints passes by tier, and why tests fail.
func summary(out io.Writer, tests []*test) {
	passed, all := byTier(tests)
	reasons := map[string]int{}
	for _, t := range tests {
		if t.err != nil {
			reasons[reason(t.err)]++
		}
	}
	for _, tier := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(out, "%-8s %4d of %4d  %5.1f %%\n", tier, passed[tier], all[tier], 100*float64(passed[tier])/float64(all[tier]))
	}
	keys := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return strings.Compare(fmt.Sprintf("%05d %s", 99999-reasons[a], a), fmt.Sprintf("%05d %s", 99999-reasons[b], b))
	})
	for _, k := range keys {
		fmt.Fprintf(out, "%4d %s\n", reasons[k], k)
	}
}

// byTier counts tests, and those that pass.
func byTier(tests []*test) (passed, all map[string]int) {
	passed, all = map[string]int{}, map[string]int{}
	for _, t := range tests {
		all[t.tier]++
		if t.err == nil {
			passed[t.tier]++
		}
	}
	return passed, all
}

var numbers = regexp.MustCompile(`[-+]?[0-9][-+.0-9e]*|\[[^\]]*\]`)

// reason is the operator and the text of an error, without its numbers.
func reason(err error) string {
	var at *onnx.NodeError
	if errors.As(err, &at) {
		return at.Node.Op + ": " + numbers.ReplaceAllString(at.Err.Error(), "N")
	}
	return numbers.ReplaceAllString(err.Error(), "N")
}

// markdown is a table of the operators: tests passed of those that use the operator.
func markdown(tests []*test) string {
	type row struct {
		versions map[string]bool
		passed   int
		all      int
	}
	rows := map[string]*row{}
	for _, t := range tests {
		for _, op := range t.ops {
			name, version, _ := strings.Cut(op, "-")
			r := rows[name]
			if r == nil {
				r = &row{versions: map[string]bool{}}
				rows[name] = r
			}
			r.versions[fmt.Sprintf("%2s", version)] = true
			r.all++
			if t.err == nil {
				r.passed++
			}
		}
	}
	for _, name := range onnx.Supported() {
		if rows[name] == nil {
			rows[name] = &row{}
		}
	}
	passed, all := byTier(tests)
	var b strings.Builder
	b.WriteString("# Operators of ONNX\n\nTests of ONNX's suite that use an operator, and how many of them pass on the device as a whole graph, within 1e-3 relative and 1e-3 absolute, with exact shapes and types. Made by `make operators`.\n\n| tier | pass | of |\n|---|---|---|\n")
	for _, tier := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", tier, passed[tier], all[tier])
	}
	b.WriteString("\nAn operator without tests here has none in the suite or none in this part of it.\n\n| operator | versions in tests | pass | of |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		versions := slices.Sorted(maps.Keys(r.versions))
		for i, v := range versions {
			versions[i] = strings.TrimSpace(v)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", name, strings.Join(versions, ", "), r.passed, r.all)
	}
	return b.String()
}
