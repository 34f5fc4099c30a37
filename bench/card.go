package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/vertebra/vertebra/tensor"
)

// Card is what one page says of a device: whether it is right, what it can do at most,
// and how fast models are on it.
type Card struct {
	Kind string `json:"kind"` // "card"
	Machine
	Date        string      `json:"date"`
	OthersCores *float64    `json:"others_cores,omitempty"` // Load.Others; nil if unknown
	Verify      CardVerify  `json:"verify"`
	Peak        *Peak       `json:"peak,omitempty"` // nil if it could not be measured
	Models      []CardModel `json:"models"`
	Problems    []string    `json:"problems,omitempty"` // what could not be measured, and why
}

// CardVerify is the verdict of "vertebra verify".
type CardVerify struct {
	Passed   int      `json:"passed"`
	Failed   int      `json:"failed"`
	Failures []string `json:"failures,omitempty"` // their names
}

// CardModel has the times of a model. Cold and Warm are first outputs, which count from
// the start of the process: Cold with an empty cache of the driver, Warm with the cache
// that Cold left.
type CardModel struct {
	Name    string       `json:"name"`
	Input   []int        `json:"input"` // [B, H, W, C]
	FLOPs   int64        `json:"flops"`
	Cold    float64      `json:"cold_seconds"`
	Warm    float64      `json:"warm_seconds"`
	Default float64      `json:"default_seconds"`         // median of later runs
	Tuned   *float64     `json:"tuned_seconds,omitempty"` // likewise; nil if nothing is tuned
	Kernels []CardKernel `json:"kernels,omitempty"`
}

// CardKernel is the sum over a model's layers that a program computes.
type CardKernel struct {
	Program string  `json:"program"`
	Layers  int     `json:"layers"`
	FLOPs   int64   `json:"flops"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// SumKernels sums layers by program, the slowest first.
func SumKernels(layers []LayerTime) []CardKernel {
	var all []CardKernel
	for _, l := range layers {
		i := slices.IndexFunc(all, func(k CardKernel) bool { return k.Program == l.Program })
		if i < 0 {
			i, all = len(all), append(all, CardKernel{Program: l.Program})
		}
		k := &all[i]
		k.Layers++
		k.FLOPs += l.FLOPs
		k.Bytes += l.Bytes
		k.Seconds += l.Seconds
	}
	slices.SortStableFunc(all, func(a, b CardKernel) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return all
}

// Markdown writes the card as a page. plot is the name of the file that Plot wrote.
func (c Card) Markdown(w io.Writer, plot string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s, %s. %s/%s, %d cores; vertebra %s; %s.\n\n", c.Adapter, c.Backend, c.Driver, c.OS, c.Arch, c.Cores, c.Version, c.Date)
	if c.OthersCores != nil && c.Disturbed(*c.OthersCores) {
		fmt.Fprintf(&b, "Other processes kept %.1f cores busy: the times are not reliable.\n\n", *c.OthersCores)
	}
	switch {
	case c.Verify.Failed > 0:
		fmt.Fprintf(&b, "**%d of %d reference cases fail:** %s.\n\n", c.Verify.Failed, c.Verify.Failed+c.Verify.Passed, strings.Join(c.Verify.Failures, ", "))
	case c.Verify.Passed > 0:
		fmt.Fprintf(&b, "All %d reference cases pass.\n\n", c.Verify.Passed)
	}
	if p := c.Peak; p != nil {
		fmt.Fprintf(&b, "Peak: %.1f GFLOP/s in multiply-adds, %.2f GB/s in copies.\n\n", p.GFLOPS, p.GBS)
	}
	for _, p := range c.Problems {
		fmt.Fprintf(&b, "- not measured: %s\n", p)
	}
	b.WriteString("\n| model | input | cold, ms | warm, ms | run, ms | GFLOP/s | of peak | tuned, ms | tuned / default |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range c.Models {
		rate := float64(m.FLOPs) / m.Default / 1e9
		tuned, ratio, share := "–", "–", "–"
		if m.Tuned != nil {
			tuned, ratio = fmt.Sprintf("%.2f", 1e3**m.Tuned), fmt.Sprintf("%.3f", *m.Tuned/m.Default)
		}
		if c.Peak != nil {
			share = fmt.Sprintf("%.0f %%", 100*rate/c.Peak.GFLOPS)
		}
		fmt.Fprintf(&b, "| %s | %v | %.0f | %.0f | %.2f | %.1f | %s | %s | %s |\n", m.Name, tensor.Shape(m.Input), 1e3*m.Cold, 1e3*m.Warm, 1e3*m.Default, rate, share, tuned, ratio)
	}
	b.WriteString("\nA first output counts from the start of the process: cold with an empty cache of the driver, warm with the cache that it left. A run is a median, from input to output in host memory.\n")
	if plot != "" {
		fmt.Fprintf(&b, "\n![roofline](%s)\n", plot)
	}
	for _, m := range c.Models {
		if len(m.Kernels) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s, by program\n\n```\n", m.Name)
		if err := c.kernels(&b, m); err != nil {
			return err
		}
		b.WriteString("```\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// kernels writes a model's programs as a table.
func (c Card) kernels(w io.Writer, m CardModel) error {
	all := 0.0
	for _, k := range m.Kernels {
		all += k.Seconds
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "program\tlayers\tms\tof all\tGFLOP/s\tof peak\tGB/s\tof copy")
	for _, k := range m.Kernels {
		flops, bytes := float64(k.FLOPs)/k.Seconds/1e9, float64(k.Bytes)/k.Seconds/1e9
		peak, copied := "-", "-"
		if c.Peak != nil {
			peak, copied = fmt.Sprintf("%.0f%%", 100*flops/c.Peak.GFLOPS), fmt.Sprintf("%.0f%%", 100*bytes/c.Peak.GBS)
		}
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.0f%%\t%.1f\t%s\t%.1f\t%s\n", k.Program, k.Layers, 1e3*k.Seconds, 100*k.Seconds/all, flops, peak, bytes, copied)
	}
	return t.Flush()
}
