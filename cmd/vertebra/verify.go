package main

import (
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

	"github.com/vertebra/vertebra/bench/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

func newVerify(s *settings) *cobra.Command {
	v := &verifier{}
	c := &cobra.Command{
		Use:   "verify [FILE|FOLDER]...",
		Short: "Check that this device computes right",
		Long: `Runs reference cases, numbers of the official implementations, on the device and
compares. Without a file, cases that are part of the program run. All memory is
filled with NaN before each run.

A line a case: pass or fail, the largest error over the largest reference value,
and where it is. Models are checked as they run by default and then stage by
stage; the first stage that is wrong is named. The exit status is 1 if any case
fails. In a folder, files that hold no cases are left out; a file that is named
must hold some.`,
		Example: `  vertebra verify
  vertebra verify --all-kernels ../shared/golden/op_conv2d.safetensors
  vertebra verify --device 1 --json ../shared/golden`,
		RunE: func(c *cobra.Command, paths []string) error {
			v.out = c.OutOrStdout()
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
	c.Flags().BoolVar(&v.json, "json", false, "print a JSON object")
	return c
}

// verifier runs cases and reports on them.
type verifier struct {
	all, json bool
	out       io.Writer
	machine   *machine
	report    verifyReport
}

type verifyReport struct {
	Device  string       `json:"device"`
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Skipped []string     `json:"skipped,omitempty"`
	Cases   []verifyCase `json:"cases"`
}

// verifyCase is the outcome of one case.
type verifyCase struct {
	Name      string        `json:"name"`
	Pass      bool          `json:"pass"`
	Error     float64       `json:"error"` // over the largest reference value
	Tolerance float64       `json:"tolerance"`
	Where     string        `json:"where,omitempty"`
	Kernels   int           `json:"kernels,omitempty"`
	Kernel    string        `json:"kernel,omitempty"` // with the largest error
	Diverges  string        `json:"diverges_at,omitempty"`
	Problem   string        `json:"problem,omitempty"`
	Stages    []verifyStage `json:"stages,omitempty"`
}

type verifyStage struct {
	Name  string  `json:"name"`
	Pass  bool    `json:"pass"`
	Error float64 `json:"error"`
	Where string  `json:"where,omitempty"`
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
			fmt.Fprintf(v.out, "; left out, as this version has no such case: %s", strings.Join(r.Skipped, ", "))
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

// path checks a file, or all safetensors files below a folder.
func (v *verifier) path(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		cases, err := golden.Load(path)
		if err != nil {
			return err
		}
		return v.cases(ctx, cases)
	}
	return filepath.WalkDir(path, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(file) != ".safetensors" {
			return err
		}
		cases, err := golden.Load(file)
		if errors.Is(err, golden.ErrUnknown) {
			v.report.Skipped = append(v.report.Skipped, filepath.Base(file))
			return nil
		}
		if err != nil {
			v.add(verifyCase{Name: filepath.Base(file), Problem: err.Error()})
			return nil
		}
		return v.cases(ctx, cases)
	})
}

func (v *verifier) cases(ctx context.Context, cases []golden.Case) error {
	for _, c := range cases {
		r := verifyCase{Name: c.Name, Pass: true, Tolerance: c.Tolerance}
		if err := v.run(ctx, c, &r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Pass, r.Problem = false, err.Error()
		}
		v.add(r)
	}
	return nil
}

// run fills r with how c fares with each choice of kernels.
func (v *verifier) run(ctx context.Context, c golden.Case, r *verifyCase) error {
	if c.Host != nil {
		got, err := c.Host()
		if err != nil {
			return err
		}
		r.Kernel = "host"
		v.compare(c, got, r, false)
		return nil
	}
	for i, most := 0, 1; i < most; i++ {
		kernel := ""
		choice := gpu.Choice{Program: func(_ graph.Op, _ []tensor.Shape, programs []shaders.Program) int {
			if v.all {
				most = max(most, len(programs))
			}
			kernel = programs[min(i, len(programs)-1)].Name
			return min(i, len(programs)-1)
		}}
		if err := v.once(ctx, c, choice, &kernel, r, false); err != nil {
			return err
		}
		if len(c.Stages) > 0 {
			if err := v.once(ctx, c.Staged(), choice, &kernel, r, true); err != nil {
				return err
			}
		}
		r.Kernels++
	}
	return nil
}

// once runs c in poisoned memory and compares.
func (v *verifier) once(ctx context.Context, c golden.Case, choice gpu.Choice, kernel *string, r *verifyCase, staged bool) error {
	if c.Run != nil {
		got, err := c.Run(ctx, v.machine.compiler(choice, true))
		if err == nil && v.compare(c, got, r, true) {
			r.Kernel = *kernel
		}
		return err
	}
	p, err := v.machine.compile(c.Graph, choice)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.poison(); err != nil {
		return err
	}
	got, err := p.run(ctx, c.Inputs...)
	if err != nil {
		return err
	}
	if v.compare(c, got, r, staged) {
		r.Kernel = *kernel
	}
	return nil
}

// compare merges the errors of one run into r, and reports whether they are
// the largest yet.
func (v *verifier) compare(c golden.Case, got []*tensor.Tensor, r *verifyCase, staged bool) (worst bool) {
	for i, want := range c.Want {
		d, err := c.Diff(i, got[i])
		largest := min(d.Relative, math.MaxFloat64) // JSON has no infinity
		stage := verifyStage{Name: want.Name, Error: largest, Pass: err == nil && d.Relative <= c.Tolerance}
		if d.Max > 0 {
			stage.Where = fmt.Sprintf("%s%v: %v, want %v", want.Name, d.Index, d.Got, d.Want)
		}
		if err != nil {
			stage.Where = fmt.Sprintf("%s: %v", want.Name, err)
		}
		if staged {
			r.merge(i, stage)
			if !stage.Pass && r.Diverges == "" {
				r.Diverges = want.Name
			}
		}
		r.Pass = r.Pass && stage.Pass
		if stage.Error > r.Error || r.Where == "" {
			r.Error, r.Where, worst = stage.Error, stage.Where, true
		}
	}
	return worst
}

// merge keeps the worse of a stage's outcomes.
func (r *verifyCase) merge(i int, s verifyStage) {
	switch {
	case i == len(r.Stages):
		r.Stages = append(r.Stages, s)
	case s.Error > r.Stages[i].Error || !s.Pass:
		r.Stages[i] = s
	}
}

// add counts a case and prints its lines.
func (v *verifier) add(r verifyCase) {
	if r.Pass {
		v.report.Passed++
	} else {
		v.report.Failed++
	}
	v.report.Cases = append(v.report.Cases, r)
	if v.json {
		return
	}
	verdict := map[bool]string{true: "pass", false: "FAIL"}
	line := fmt.Sprintf("%s  %-40s %8.1e", verdict[r.Pass], r.Name, r.Error)
	switch {
	case r.Problem != "":
		line = fmt.Sprintf("%s  %-40s %s", verdict[r.Pass], r.Name, strings.Join(strings.Fields(r.Problem), " "))
	case r.Where != "":
		line += "  " + r.Where
	}
	if v.all && r.Kernels > 0 {
		line += fmt.Sprintf("  (%d kernels, worst %s)", r.Kernels, r.Kernel)
	} else if !r.Pass && r.Kernel != "" {
		line += "  (" + r.Kernel + ")"
	}
	if r.Diverges != "" {
		line += "  first wrong at stage " + r.Diverges
	}
	fmt.Fprintln(v.out, line)
	for _, s := range r.Stages {
		fmt.Fprintf(v.out, "      %s  %-34s %8.1e  %s\n", verdict[s.Pass], s.Name, s.Error, s.Where)
	}
}
