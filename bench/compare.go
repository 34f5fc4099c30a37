package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
)

// Comparison compares two reports of the same kind.
type Comparison struct {
	Kind       string     `json:"kind"` // of the reports
	A          Machine    `json:"a"`
	B          Machine    `json:"b"`
	OthersA    *float64   `json:"others_cores_a,omitempty"` // Report.OthersCores
	OthersB    *float64   `json:"others_cores_b,omitempty"`
	Quantities []Quantity `json:"quantities"` // those that both have measured
	OnlyA      []string   `json:"only_a"`     // results that only A has
	OnlyB      []string   `json:"only_b"`
}

// Quantity is one number of the reports, for all results that both have.
type Quantity struct {
	Name  string  `json:"name"` // as in the reports: "median_seconds"
	Pairs []Pair  `json:"pairs"`
	Mean  float64 `json:"geometric_mean"` // of the ratios
}

// Pair is one number in both reports.
type Pair struct {
	Name  string  `json:"name"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
	Ratio float64 `json:"ratio"` // B over A
}

// CompareFiles reads two reports, as "vertebra bench" prints them with --json.
func CompareFiles(pathA, pathB string) (Comparison, error) {
	a, err := readReport(pathA)
	if err != nil {
		return Comparison{}, err
	}
	b, err := readReport(pathB)
	if err != nil {
		return Comparison{}, err
	}
	if a.Kind != b.Kind {
		return Comparison{}, fmt.Errorf("%s comes from bench %s, but %s from bench %s: only reports of the same command can be compared", files.Quote(pathA), a.Kind, files.Quote(pathB), b.Kind)
	}
	c := Comparison{
		Kind: a.Kind, A: a.Machine, B: b.Machine, OthersA: a.OthersCores, OthersB: b.OthersCores,
		OnlyA: a.without(b), OnlyB: b.without(a),
	}
	for _, name := range quantities[a.Kind] {
		if q := pairs(name, a, b); len(q.Pairs) > 0 {
			c.Quantities = append(c.Quantities, q)
		}
	}
	if len(c.Quantities) == 0 {
		return c, fmt.Errorf("%s and %s have no results in common: %s; %s", files.Quote(pathA), files.Quote(pathB), strings.Join(a.names, ", "), strings.Join(b.names, ", "))
	}
	return c, nil
}

// quantities lists the numbers to compare in each kind of report.
var quantities = map[string][]string{
	"peak":  {"gflops", "gigabytes_per_second"},
	"ops":   {"kernel_seconds", "median_seconds"},
	"model": {"first_output_seconds", "median_seconds"},
	"scale": {"median_seconds"},
}

// measured is the part of a report that is compared.
type measured struct {
	Report[json.RawMessage]
	names  []string                      // in order
	values map[string]map[string]float64 // by quantity, then by name
}

func readReport(path string) (*measured, error) {
	text, err := files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &measured{values: map[string]map[string]float64{}}
	if err := json.Unmarshal(text, &m.Report); err != nil {
		return nil, fmt.Errorf("%s: not what vertebra bench prints with --json: %w", files.Quote(path), err)
	}
	switch m.Kind {
	case "peak":
		if m.Peak == nil {
			err = errors.New("no peak in it")
			break
		}
		m.add("peak", map[string]float64{"gflops": m.Peak.GFLOPS, "gigabytes_per_second": m.Peak.GBS})
	case "ops":
		err = each(m.Results, func(r OpResult) {
			m.add(r.Name+" "+r.Shape, map[string]float64{"kernel_seconds": r.Kernel, "median_seconds": r.Median})
		})
	case "model":
		err = each(m.Results, func(r ModelResult) {
			v := map[string]float64{"first_output_seconds": r.FirstOutput}
			if r.Median != nil {
				v["median_seconds"] = *r.Median
			}
			m.add(fmt.Sprint(r.Name, " ", tensor.Shape(r.Input)), v)
		})
	case "scale":
		err = each(m.Results, func(r ScaleResult) {
			m.add(fmt.Sprintf("%s %d×%d", r.Name, r.Size, r.Size), map[string]float64{"median_seconds": r.Median})
		})
	default:
		err = fmt.Errorf("not what vertebra bench prints with --json: kind %q, want peak, ops, model or scale", m.Kind)
	}
	if err != nil {
		return nil, files.Named(path, err)
	}
	return m, nil
}

// each decodes each result.
func each[R any](results []json.RawMessage, f func(R)) error {
	for i, text := range results {
		var r R
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
		f(r)
	}
	return nil
}

// add keeps the first result of each name. If a report has every program of an op, the
// first is the default.
func (m *measured) add(name string, values map[string]float64) {
	if slices.Contains(m.names, name) {
		return
	}
	m.names = append(m.names, name)
	for q, v := range values {
		if m.values[q] == nil {
			m.values[q] = map[string]float64{}
		}
		if v > 0 && !math.IsInf(v, 0) {
			m.values[q][name] = v
		}
	}
}

// without lists the names that b does not have.
func (m *measured) without(b *measured) []string {
	only := []string{}
	for _, name := range m.names {
		if !slices.Contains(b.names, name) {
			only = append(only, name)
		}
	}
	return only
}

// pairs joins one quantity of two reports, in the order of a.
func pairs(quantity string, a, b *measured) Quantity {
	q := Quantity{Name: quantity}
	logs := 0.0
	for _, name := range a.names {
		x, inA := a.values[quantity][name]
		y, inB := b.values[quantity][name]
		if inA && inB {
			q.Pairs = append(q.Pairs, Pair{name, x, y, y / x})
			logs += math.Log(y / x)
		}
	}
	q.Mean = math.Exp(logs / float64(max(1, len(q.Pairs))))
	return q
}
