package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// figures are the compiler's for a kernel and those of its hot loop.
type figures struct {
	VGPRs, Spills, Scratch, Memory int // Memory: of a workgroup, in bytes, as Scratch
	Wave, Waves                    int // lanes of a wave, and how many waves a SIMD holds
	Latency, Throughput, Code      int // estimated cycles of a wave; cycles a wave takes from others; bytes
	Hot                            mix
	Nested                         bool // the hot loop has a loop inside, which Hot leaves out
	InFlight                       int  // fewest FMAs between a load in the loops around the hot one and the wait for it
	FMAs                           int  // that the compiler thinks a wave runs, for Latency
}

// mix counts instructions by kind.
type mix struct {
	All, FMA, Vector        int // Vector: all that the vector units compute, FMAs among them
	Clamps, Moves           int
	LocalReads, LocalWrites int // of workgroup memory
	LocalReads128           int
	Loads, Loads128, Stores int
	Scalar, ScalarLoads     int
	Scratch                 int
	Waits, Branches         int
	Barriers                int
}

// share returns the share of FMAs among what the vector units compute, in percent.
func (m mix) share() int { return 100 * m.FMA / max(1, m.Vector) }

// readFigures reads the driver's output for one pipeline.
func readFigures(text string) (figures, []string, error) {
	code, stats, ok := strings.Cut(text, "*** SHADER STATS ***")
	if !ok {
		return figures{}, nil, errors.New("the driver printed no statistics")
	}
	_, code, ok = strings.Cut(code, "disasm:\n")
	if !ok {
		return figures{}, nil, errors.New("the driver printed no machine code")
	}
	numbers := map[string]int{}
	for _, line := range strings.Split(stats, "\n") {
		if name, n, ok := strings.Cut(line, ": "); ok {
			numbers[name], _ = strconv.Atoi(n)
		}
	}
	for _, name := range []string{"VGPRs", "Spilled VGPRs", "Spilled SGPRs", "Scratch size", "LDS size", "Subgroups per SIMD", "Latency", "Inverse Throughput", "Code size"} {
		if _, ok := numbers[name]; !ok {
			return figures{}, nil, fmt.Errorf("the driver printed no %q", name)
		}
	}
	f := figures{
		VGPRs: numbers["VGPRs"], Spills: numbers["Spilled VGPRs"] + numbers["Spilled SGPRs"],
		Scratch: numbers["Scratch size"], Memory: numbers["LDS size"], Wave: 64, Waves: numbers["Subgroups per SIMD"],
		Latency: numbers["Latency"], Throughput: numbers["Inverse Throughput"], Code: numbers["Code size"],
	}
	p := parse(code)
	switch {
	case strings.Contains(code, "exec_lo"):
		f.Wave = 32
	case numbers["VOPD"] > 0 || p.rdna:
		f.Waves /= 2 // the driver counts waves of 32
	}
	f.hotLoop(p)
	f.FMAs = p.fmas()
	return f, p.lines, nil
}

// program is machine code: its instructions, and the loops as ranges of them, the last
// one included.
type program struct {
	lines []string
	loops [][2]int
	rdna  bool
}

var (
	label  = regexp.MustCompile(`^BB\d+:$`)
	branch = regexp.MustCompile(`^s_c?branch\w*\s+(BB\d+)`)
)

// parse reads the driver's listing of machine code.
func parse(code string) program {
	var p program
	at := map[string]int{}
	for _, line := range strings.Split(code, "\n") {
		line, _, _ = strings.Cut(line, ";")
		switch line = strings.TrimSpace(line); {
		case label.MatchString(line):
			at[strings.TrimSuffix(line, ":")] = len(p.lines)
		case strings.Contains(line, "_") && !strings.HasPrefix(line, "("):
			p.lines = append(p.lines, line)
			p.rdna = p.rdna || strings.HasPrefix(line, "s_clause") || strings.Contains(line, "_nc_")
		}
	}
	head := map[int]int{} // last instruction of the longest loop that begins here
	for i, line := range p.lines {
		if m := branch.FindStringSubmatch(line); m != nil {
			if begin, ok := at[m[1]]; ok && begin <= i {
				head[begin] = max(head[begin], i)
			}
		}
	}
	for begin := range p.lines {
		if end, ok := head[begin]; ok {
			p.loops = append(p.loops, [2]int{begin, end})
		}
	}
	return p
}

// hotLoop finds the loop with the most FMAs, not counting those of loops inside it, or
// without any the longest loop. Without loops it is the whole program.
func (f *figures) hotLoop(p program) {
	hot := -1
	for i := range p.loops {
		m, nested := p.body(i)
		if hot < 0 || m.FMA > f.Hot.FMA || m.FMA == 0 && f.Hot.FMA == 0 && m.All > f.Hot.All {
			hot, f.Hot, f.Nested = i, m, nested
		}
	}
	if hot < 0 {
		f.Hot = count(p.lines)
		return
	}
	f.InFlight = -1
	for _, l := range p.loops {
		if l[0] <= p.loops[hot][0] && l[1] >= p.loops[hot][1] {
			if n := inFlight(p.lines[l[0] : l[1]+1]); n >= 0 {
				f.InFlight = n // of the innermost loop that loads
			}
		}
	}
}

// fmas counts FMAs as the compiler's estimates do: a loop runs 8 times, one inside another 4
// times, and one inside that twice.
func (p program) fmas() int {
	sum := 0
	for i, line := range p.lines {
		depth := 0
		for _, l := range p.loops {
			depth += one(l[0] <= i && i <= l[1])
		}
		sum += count([]string{line}).FMA * []int{1, 8, 32, 64}[min(depth, 3)]
	}
	return sum
}

// perFMA returns the estimated cycles of a wave for each of its FMAs.
func (f figures) perFMA() float64 { return float64(f.Latency) / float64(max(1, f.FMAs)) }

// body counts the instructions of a loop without those of loops inside it.
func (p program) body(loop int) (m mix, nested bool) {
	begin, end := p.loops[loop][0], p.loops[loop][1]
	var own []string
	for i := begin; i <= end; i++ {
		inside := false
		for o, l := range p.loops {
			inside = inside || o != loop && l[0] >= begin && l[1] <= end && l[0] <= i && i <= l[1]
		}
		if nested = nested || inside; !inside {
			own = append(own, p.lines[i])
		}
	}
	return count(own), nested
}

var (
	fma       = regexp.MustCompile(`^v_(pk_|dual_)?(fma|fmac|fmaak|fmamk|mad|mac|madak|madmk)_?(mix_|legacy_)?(f32|f16)`)
	clamping  = regexp.MustCompile(`^v_(dual_)?(min_u32|min_i32|med3_[iu]32)`)
	moving    = regexp.MustCompile(`^v_(dual_)?mov|^v_lshrrev_b64`)
	globally  = regexp.MustCompile(`^(buffer|global|flat)_(load|store)_`)
	vmcnt     = regexp.MustCompile(`vmcnt\((\d+)\)`)
	vectorOps = regexp.MustCompile(`^v_`)
)

// count counts instructions. One of RDNA 3 may hold two operations.
func count(lines []string) mix {
	var m mix
	for _, line := range lines {
		m.All++
		op, _, _ := strings.Cut(line, " ")
		for _, part := range strings.Split(line, " :: ") {
			o, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if !vectorOps.MatchString(o) {
				continue
			}
			m.Vector++
			m.FMA += one(fma.MatchString(o))
			m.Clamps += one(clamping.MatchString(o))
			m.Moves += one(moving.MatchString(o))
		}
		wide := strings.Contains(op, "b128") || strings.Contains(op, "dwordx4")
		switch {
		case strings.HasPrefix(op, "ds_read"), strings.HasPrefix(op, "ds_load"):
			m.LocalReads++
			m.LocalReads128 += one(wide)
		case strings.HasPrefix(op, "ds_write"), strings.HasPrefix(op, "ds_store"):
			m.LocalWrites++
		case strings.HasPrefix(op, "scratch_"), strings.HasPrefix(op, "buffer_") && strings.Contains(line, "offen") && strings.Contains(line, "swizzle"):
			m.Scratch++
		case globally.MatchString(op) && strings.Contains(op, "_load_"):
			m.Loads++
			m.Loads128 += one(wide)
		case globally.MatchString(op):
			m.Stores++
		case strings.HasPrefix(op, "s_waitcnt"):
			m.Waits++
		case strings.HasPrefix(op, "s_barrier"):
			m.Barriers++
		case branch.MatchString(line):
			m.Branches++
		case strings.HasPrefix(op, "s_load"), strings.HasPrefix(op, "s_buffer_load"):
			m.ScalarLoads++
		case strings.HasPrefix(op, "s_"):
			m.Scalar++
		}
	}
	return m
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// inFlight returns the fewest FMAs between a load from a binding and the wait for it, over
// the loads of a loop. It is -1 without loads. Loads return in their order.
func inFlight(loop []string) int {
	fewest := -1
	var at []int // FMAs before each load that is under way
	fmas := 0
	for range 2 { // a load may be awaited in the next round
		for _, line := range loop {
			op, _, _ := strings.Cut(line, " ")
			switch {
			case fma.MatchString(op):
				fmas++
			case globally.MatchString(op) && strings.Contains(op, "_load_"):
				at = append(at, fmas)
			case strings.HasPrefix(op, "s_waitcnt"):
				m := vmcnt.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				left, _ := strconv.Atoi(m[1])
				for len(at) > left {
					if n := fmas - at[0]; fewest < 0 || n < fewest {
						fewest = n
					}
					at = at[1:]
				}
			}
		}
	}
	return fewest
}
