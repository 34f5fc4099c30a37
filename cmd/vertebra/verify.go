package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

func newVerify(s *settings) *cobra.Command {
	v := &verifier{}
	c := &cobra.Command{
		Use:   "verify [FILE|FOLDER]...",
		Short: "Check that this device computes correctly",
		Long: `Runs reference cases on the device and compares the results with those of the official
implementations. Without a file, it runs the built-in cases. It fills all memory with
NaN before each run.

Each case prints a line: pass or fail, the largest error divided by the largest
reference value, and the place of the error. Models are checked as they run by
default, and then stage by stage; the line names the first wrong stage. --all-kernels
also computes attention as separate ops (products, softmax, masks), as --unfused does.

A case fails, and its line says why, if the file cannot be read, an input is missing,
the weights do not fit or the model is unknown. The other cases still run. The exit
status is 1 if a case fails. In a folder, files that are not reference files are
skipped; a file that is named must be one.

An ONNX file is run on the data in the folders test_data_set_0, 1 and so on beside it, or
on random numbers if there are none, for which --dim binds free dimensions. Each node is
compared with plain Go, on the values that plain Go has for its inputs; the line names the
first one that differs.

A case may name a picture or a checkpoint. It is searched for in each --data folder
and the folders in it, beside the case's file, and beside the folder of that file. In
each of these places, a folder named data and the folders in it are searched, too.`,
		Example: `  vertebra verify
  vertebra verify --all-kernels ../shared/golden/op_conv2d.safetensors
  vertebra verify --device 1 --json ../shared/golden
  vertebra verify model.onnx
  vertebra verify --data ~/pictures --data ~/weights cases/*.safetensors`,
		RunE: func(c *cobra.Command, paths []string) error {
			v.out = c.OutOrStdout()
			for _, d := range v.data {
				if info, err := os.Stat(d); err != nil || !info.IsDir() {
					return fmt.Errorf("--data %s: no such folder", files.Quote(d))
				}
			}
			if s.f16 || s.f16Values {
				return errors.New("verify: --f16 and --f16-values round, and the reference cases are whole")
			}
			m, err := s.open()
			if err != nil {
				return err
			}
			defer m.close()
			v.machine = m
			if !v.json && !s.quiet {
				fmt.Fprintf(v.out, "device: %v\n", m)
			}
			return v.verify(c.Context(), paths)
		},
	}
	c.Flags().BoolVar(&v.all, "all-kernels", false, "run every kernel that can compute an op, not only the one chosen for this device")
	c.Flags().BoolVar(&v.unfused, "unfused", false, separate+", not as one")
	dimFlag(c, &v.dim)
	c.Flags().BoolVar(&v.json, "json", false, "print a JSON object")
	c.Flags().StringArrayVar(&v.data, "data", nil, "folder of pictures and checkpoints that cases need; may be given again")
	c.MarkFlagDirname("data")
	return c
}

// verifier runs cases and reports on them.
type verifier struct {
	all, unfused, json bool
	data               []string // see golden.Load
	dim                []string // NAME=N
	out                io.Writer
	machine            *machine
	report             verifyReport
}

func (v *verifier) verify(ctx context.Context, paths []string) error {
	v.report = verifyReport{Device: v.machine.String(), Cases: []verifyCase{}}
	if len(paths) == 0 {
		cases, err := golden.Builtin()
		if err != nil {
			return err
		}
		if err := v.cases(ctx, cases); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if err := v.path(ctx, path); err != nil {
			return err
		}
	}
	r := &v.report
	if v.json {
		if err := printJSON(v.out, r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(v.out, "%d passed, %d failed", r.Passed, r.Failed)
		if n := len(r.Skipped); n > 0 {
			fmt.Fprintf(v.out, "; skipped, not reference files: %s", files.Quote(strings.Join(r.Skipped, ", ")))
		}
		fmt.Fprintln(v.out)
	}
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%d of %d cases failed", r.Failed, r.Failed+r.Passed)
	case r.Passed == 0:
		return errors.New("no case was found")
	}
	return nil
}

// path checks a file, or all safetensors and ONNX files below a folder. Failures go to the
// report; the error is ctx's.
func (v *verifier) path(ctx context.Context, path string) error {
	if isONNX(path) {
		return v.onnx(ctx, path, false)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		before := len(v.report.Cases)
		err := files.Walk(path, func(file string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				v.fail(file, err)
				return nil
			case e.IsDir():
				return nil
			case isONNX(file):
				return v.onnx(ctx, file, true)
			case filepath.Ext(file) != ".safetensors":
				return nil
			}
			return v.file(ctx, file, true)
		})
		if err == nil && len(v.report.Cases) == before {
			v.fail(path, errors.New("no reference file in this folder"))
		}
		return err
	}
	return v.file(ctx, path, false)
}

// file checks a file. With mayLeave, it skips a file that is not a reference file.
func (v *verifier) file(ctx context.Context, path string, mayLeave bool) error {
	cases, err := load(path, v.data)
	if mayLeave && errors.Is(err, golden.ErrNotReference) {
		v.report.Skipped = append(v.report.Skipped, filepath.Base(path))
		return nil
	}
	if stop := v.cases(ctx, cases); stop != nil {
		return stop
	}
	var some golden.Faults
	switch {
	case errors.As(err, &some):
		for _, f := range some {
			v.fail(f.Case, f.Err)
		}
	case err != nil:
		v.fail(filepath.Base(path), err)
	}
	return nil
}

// load reads the cases of a file. It turns a panic into an error.
func load(path string, data []string) (cases []golden.Case, err error) {
	defer recovered(&err)
	return golden.Load(path, data...)
}

// recovered turns a panic into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// fail reports that a case could not be run.
func (v *verifier) fail(name string, err error) {
	v.add(verifyCase{Name: name, Problem: withoutCall(err)})
}

func (v *verifier) cases(ctx context.Context, cases []golden.Case) error {
	for _, c := range cases {
		r := verifyCase{Name: c.Name, Pass: true, Tolerance: c.Tolerance}
		if err := v.run(ctx, c, &r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Pass, r.Problem = false, withoutCall(err)
		}
		v.add(r)
	}
	return nil
}

// separate is the report's name for attention that Decompose has split into ops.
const separate = "attention as separate ops"

// pass is one way to run a case.
type pass struct {
	*gpu.Candidate
	unfused bool // attention as separate ops
	attends bool // the graph has attention; set by graph
}

// graph returns g in the form that the pass runs.
func (p *pass) graph(g *graph.Graph) *graph.Graph {
	apart := g.Decompose()
	p.attends = p.attends || apart != g
	if p.unfused {
		return apart
	}
	return g
}

// run runs c with each choice of kernels and fills r. It turns a panic into an error.
func (v *verifier) run(ctx context.Context, c golden.Case, r *verifyCase) (err error) {
	defer recovered(&err)
	if c.Host != nil {
		got, err := c.Host()
		if err != nil {
			return err
		}
		r.Kernel = "host"
		_, _, err = v.compare(c, got, r, false)
		return err
	}
	attends := false
	for candidate := range gpu.Candidates(gpu.Choice{}) {
		p := &pass{Candidate: candidate, unfused: v.unfused}
		if err := v.pass(ctx, c, p, r); err != nil {
			return err
		}
		attends = p.attends
		if !v.all {
			break
		}
	}
	if v.all && !v.unfused && attends {
		return v.pass(ctx, c, &pass{Candidate: &gpu.Candidate{Name: separate}, unfused: true}, r)
	}
	return nil
}

// pass runs c in one way: first without stages and then, if it has stages, with them.
func (v *verifier) pass(ctx context.Context, c golden.Case, p *pass, r *verifyCase) error {
	r.Kernels++
	if err := v.once(ctx, c, p, r, c.Run != nil); err != nil {
		return err
	}
	if len(c.Stages) == 0 {
		return nil
	}
	return v.once(ctx, c.Staged(), p, r, true)
}

// once runs c and compares.
func (v *verifier) once(ctx context.Context, c golden.Case, p *pass, r *verifyCase, staged bool) error {
	got, err := v.outputs(ctx, c, p)
	if err != nil {
		return err
	}
	largest, worst, err := v.compare(c, got, r, staged)
	if err != nil {
		return err
	}
	if worst {
		r.Kernel = p.Name
	}
	if p.unfused && p.attends {
		if r.Unfused != nil {
			largest = max(largest, *r.Unfused)
		}
		r.Unfused = &largest
	}
	return nil
}

// outputs runs c in memory filled with NaN and returns its outputs.
func (v *verifier) outputs(ctx context.Context, c golden.Case, p *pass) ([]*tensor.Tensor, error) {
	if c.Run != nil {
		compile := v.machine.compiler(p.Choice, true)
		return c.Run(ctx, func(g *graph.Graph) (vision.Plan, error) { return compile(p.graph(g)) })
	}
	program, err := v.machine.compile(p.graph(c.Graph), p.Choice)
	if err != nil {
		return nil, err
	}
	defer program.close()
	if err := program.poison(); err != nil {
		return nil, err
	}
	return program.run(ctx, c.Inputs...)
}

// compare merges the errors of one run into r. It returns the largest error, and
// whether r had none as large.
func (v *verifier) compare(c golden.Case, got []*tensor.Tensor, r *verifyCase, staged bool) (largest float64, worst bool, err error) {
	if len(got) != len(c.Want) {
		return 0, false, fmt.Errorf("%d outputs, want %d", len(got), len(c.Want))
	}
	for i, want := range c.Want {
		d, err := c.Diff(i, got[i])
		stage := verifyStage{Name: want.Name, Pass: err == nil && d.Relative <= c.Tolerance}
		stage.Error = min(d.Relative, math.MaxFloat64) // JSON has no infinity
		if d.Max > 0 {
			stage.Where = fmt.Sprintf("%s%v: %v, want %v", want.Name, d.Index, d.Got, d.Want)
		}
		if err != nil {
			stage.Where = fmt.Sprintf("%s: %v", want.Name, err)
			r.Problem = cmp.Or(r.Problem, stage.Where)
		}
		if staged {
			r.merge(i, stage)
			if !stage.Pass && r.Diverges == "" {
				r.Diverges = want.Name
			}
		}
		r.Pass = r.Pass && stage.Pass
		largest = max(largest, stage.Error)
		if stage.Error > r.Error || r.Where == "" {
			r.Error, r.Where, worst = stage.Error, stage.Where, true
		}
	}
	return largest, worst, nil
}
