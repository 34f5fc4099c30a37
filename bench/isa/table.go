package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// table writes a table for each chip.
func table(w io.Writer, chips []chip, o options) error {
	var b strings.Builder
	fmt.Fprint(&b, legend)
	for _, c := range chips {
		fmt.Fprintf(&b, "\n## %s: %s\n\n", c.Name, c.Adapter)
		fmt.Fprintln(&b, "| kernel | % of FLOPs | lanes | VGPR | spill | scratch | memory | waves | latency | throughput | per FMA | code | hot | FMA | % | clamp | move | local r (128) | w | load (128) | scalar | wait | in flight |")
		fmt.Fprintln(&b, "|---|---|--:"+strings.Repeat("|--:", 20)+"|")
		for _, k := range c.Kernels {
			if k.most() == 0 && !o.all && o.kernels == "" {
				continue
			}
			waves := fmt.Sprint(k.Waves)
			if k.Wave == 32 {
				waves += " of 32"
			}
			hot, flight, per := fmt.Sprint(k.Hot.All), "-", "-"
			if k.Hot.share() >= 50 {
				per = fmt.Sprintf("%.1f", k.perFMA())
			}
			if k.Nested {
				hot += "*"
			}
			if k.InFlight >= 0 {
				flight = fmt.Sprint(k.InFlight)
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d | %s | %d | %d | %s | %d | %s | %d | %d | %d | %d | %d (%d) | %d | %d (%d) | %d | %d | %s |\n",
				k.Name, shares(k.Share, o.least), k.Workgroup, k.VGPRs, k.Spills, k.Scratch, k.Memory, waves,
				k.Latency, k.Throughput, per, k.Code, hot, k.Hot.FMA, k.Hot.share(), k.Hot.Clamps, k.Hot.Moves,
				k.Hot.LocalReads, k.Hot.LocalReads128, k.Hot.LocalWrites, k.Hot.Loads, k.Hot.Loads128, k.Hot.Scalar+k.Hot.ScalarLoads, k.Hot.Waits, flight)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const legend = `# Kernels as AMD's compiler in Mesa sees them

Made by scripts/isa, without a card. % of FLOPs is the share of each model's operations in
ops that the kernel takes part in. lanes are the invocations of a workgroup. memory is that
of a workgroup in bytes. waves is how many waves a SIMD holds: of 64 lanes if nothing else
is said. latency and throughput are the compiler's estimates in cycles: how long a wave
takes, and for how long it keeps the SIMD from others. They take a loop to run 8 times, and
one inside it 4 times in each; per FMA is latency over the FMAs that then run. code is in
bytes. The other columns count the instructions of the hot loop, the one with the most FMAs,
without loops inside it (*): FMAs and their share of the vector instructions, integer minima
that clamp an index, moves, reads and writes of workgroup memory, loads of bindings, scalar
instructions, waits. (128) are those of 128 bits. in flight is the least number of FMAs
between a load and the wait for it.
`

// shares lists the models in which a kernel has at least a percentage, and at least one.
func shares(of map[string]float64, least float64) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(-cmp.Compare(of[a], of[b]), strings.Compare(a, b))
	})
	var all []string
	for i, n := range names {
		if i == 0 || 100*of[n] >= least {
			all = append(all, fmt.Sprintf("%s %.0f", n, 100*of[n]))
		}
	}
	return strings.Join(all, ", ")
}
