package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// bound is a line of the file of bounds: CHIP KERNEL FIGURE NUMBER. KERNEL is a pattern
// for the name of a kernel or of its file. FIGURE is waves or fma, which must not be below the
// number, or spills, scratch, clamps or latency, which must not be above it.
type bound struct {
	chip, kernel, figure string
	number               int
}

// strict are the bounds of kernels for which the file has no others.
var strict = []bound{{figure: "spills"}, {figure: "scratch"}}

// carries is the least share of a model's FLOPs with which waves, fma, clamps and latency
// are checked.
const carries = 0.03

func readBounds(name string) ([]bound, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []bound
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var b bound
		if n, err := fmt.Sscanf(line, "%s %s %s %d", &b.chip, &b.kernel, &b.figure, &b.number); n < 4 {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		if _, err := path.Match(b.kernel, ""); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		if _, _, ok := (kernel{}).figure(b.figure); !ok {
			return nil, fmt.Errorf("%s:%d: there is no figure %q", name, i+1, b.figure)
		}
		all = append(all, b)
	}
	return all, nil
}

// figure returns a figure by name and whether more of it is better.
func (k kernel) figure(name string) (value int, more, ok bool) {
	switch name {
	case "waves":
		return k.Waves * k.Wave / 64, true, true
	case "fma":
		return k.Hot.share(), true, true
	case "spills":
		return k.Spills, false, true
	case "scratch":
		return k.Scratch, false, true
	case "clamps":
		return k.Hot.Clamps, false, true
	case "latency":
		return k.Latency, false, true
	}
	return 0, false, false
}

// check writes a line for each kernel and figure beyond its bound, and for each workgroup
// of less than 32 invocations. Of several bounds for a figure the last one counts.
func check(w io.Writer, chips []chip, bounds []bound) error {
	faults, kernels := 0, 0
	for _, c := range chips {
		for _, k := range c.Kernels {
			kernels++
			if k.Workgroup < 32 {
				fmt.Fprintf(w, "%s: %s: a workgroup has %d invocations, want 32 or more\n", c.Name, k.Name, k.Workgroup)
				faults++
			}
			file, _, _ := strings.Cut(k.Name, "-")
			last := map[string]bound{}
			for _, b := range append(strict, bounds...) {
				fits, _ := path.Match(b.kernel, file)
				if !fits {
					fits, _ = path.Match(b.kernel, k.Name)
				}
				always := b.figure == "spills" || b.figure == "scratch"
				if b.kernel == "" || fits && b.chip == c.Name && (always || k.most() >= carries) {
					last[b.figure] = b
				}
			}
			for name, b := range last {
				switch value, more, _ := k.figure(name); {
				case more && value < b.number:
					fmt.Fprintf(w, "%s: %s: %s %d, want %d or more\n", c.Name, k.Name, name, value, b.number)
					faults++
				case !more && value > b.number:
					fmt.Fprintf(w, "%s: %s: %s %d, want %d or less\n", c.Name, k.Name, name, value, b.number)
					faults++
				}
			}
		}
	}
	if faults > 0 {
		return fmt.Errorf("%d faults in %d kernels", faults, kernels)
	}
	fmt.Fprintf(w, "%d kernels are within their bounds\n", kernels)
	return nil
}
