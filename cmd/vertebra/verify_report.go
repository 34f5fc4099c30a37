package main

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// verifyReport is the result of verify.
type verifyReport struct {
	Device  string       `json:"device"`
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Skipped []string     `json:"skipped,omitempty"`
	Causes  []string     `json:"skipped_because,omitempty"` // of ONNX files
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
	Kernel    string        `json:"kernel,omitempty"`        // the one with the largest error
	Unfused   *float64      `json:"unfused_error,omitempty"` // of attention as separate ops
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

// merge keeps the worse of two outcomes of a stage.
func (r *verifyCase) merge(i int, s verifyStage) {
	switch {
	case i == len(r.Stages):
		r.Stages = append(r.Stages, s)
	case s.Error > r.Stages[i].Error || !s.Pass:
		r.Stages[i] = s
	}
}

// skip says why an ONNX file in a folder is left out.
func (v *verifier) skip(name string, why error) {
	v.report.Skipped = append(v.report.Skipped, name)
	v.report.Causes = append(v.report.Causes, withoutCall(why))
	if !v.json {
		fmt.Fprintln(v.out, files.Escape(fmt.Sprintf("skip  %-40s %s", name, withoutCall(why))))
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
	var notes []string
	if v.all && r.Kernels > 0 {
		notes = append(notes, fmt.Sprintf("%d kernels, worst %s", r.Kernels, r.Kernel))
	} else if !r.Pass && r.Kernel != "" {
		notes = append(notes, r.Kernel)
	}
	if r.Unfused != nil {
		notes = append(notes, fmt.Sprintf("%s %.1e", separate, *r.Unfused))
	}
	if len(notes) > 0 {
		line += "  (" + strings.Join(notes, "; ") + ")"
	}
	if r.Diverges != "" {
		line += "  first wrong at stage " + r.Diverges
	}
	fmt.Fprintln(v.out, files.Escape(line))
	for _, s := range r.Stages {
		fmt.Fprintf(v.out, "      %s  %-34s %8.1e  %s\n", verdict[s.Pass], files.Quote(s.Name), s.Error, files.Escape(s.Where))
	}
}
