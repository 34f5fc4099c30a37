// Command isa compiles the kernels that models take on a GPU with the compiler of Mesa's
// driver for AMD cards, and prints what became of them. It needs no card: a library of
// Mesa's pretends that there is one. Nothing runs on it.
//
// scripts/isa installs that library and starts this program. The figures are those of the
// compiler (registers, spilled registers, scratch and workgroup memory, estimated cycles)
// and those of the machine code's hot loop. kernels.md has them for the models in standard,
// and bounds.txt what they must not fall below.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// options are the flags.
type options struct {
	chips, models, kernels, program string
	all, guaranteed, f16            bool
	least                           float64
	check                           string
	output                          string
	asm                             string
	child                           bool
}

func main() {
	var o options
	f := flag.NewFlagSet("isa", flag.ExitOnError)
	f.StringVar(&o.chips, "chips", "navi21,navi31,vega10", "comma-separated `chips`: polaris10, vega10 (GCN), navi10, navi21 (RDNA 1, 2), navi31 (RDNA 3) and others that Mesa knows")
	f.StringVar(&o.models, "models", strings.Join(standard, ","), "comma-separated `models`: NAME, NAME@BATCH, and NAME:text for the text tower of a CLIP")
	f.StringVar(&o.kernels, "kernel", "", "compile only these `kernels`, separated by spaces: FILE,CONSTANT=VALUE,... of shaders/FILE.wgsl")
	f.StringVar(&o.program, "program", "", "only programs and kernels whose name contains this `text`")
	f.BoolVar(&o.all, "all", false, "all candidates of each op, not only the first choice")
	f.BoolVar(&o.guaranteed, "guaranteed", false, "plan for the limits that WebGPU guarantees, not for the chip's own")
	f.BoolVar(&o.f16, "f16", false, "plan with weights as f16")
	f.Float64Var(&o.least, "least", 3, "list kernels that take part in at least this `percentage` of a model's FLOPs")
	f.StringVar(&o.check, "check", "", "check the kernels against the bounds in this `file`; print faults only")
	f.StringVar(&o.output, "o", "", "write the tables to this `file`")
	f.StringVar(&o.asm, "asm", "", "write the machine code of the listed kernels to this `folder`")
	f.BoolVar(&o.child, "child", false, "compile, as the child of another isa")
	f.Usage = func() {
		fmt.Fprint(f.Output(), `Usage: scripts/isa [flags]

Compiles the kernels that models take on AMD cards, without a card, and prints a table
for each chip. A kernel takes part in the FLOPs of its op.

  scripts/isa -chips navi21 -models vit_b_16,unet@8
  scripts/isa -chips navi21 -models swin_t -program window_attention -all
  scripts/isa -kernel 'linear_tiled_vec4,TILE_M=128,REG_M=8,TRANS_B=true' -asm out

`)
		f.PrintDefaults()
	}
	f.Parse(os.Args[1:])
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "isa:", err)
		os.Exit(1)
	}
}

func run(o options, w io.Writer) error {
	if o.child {
		return compile(o, w)
	}
	var bounds []bound
	if o.check != "" {
		var err error
		if bounds, err = readBounds(o.check); err != nil {
			return err
		}
	}
	chips, err := compileAll(o)
	if err != nil {
		return err
	}
	if o.asm != "" {
		if err := writeCode(o.asm, chips); err != nil {
			return err
		}
	}
	if o.check != "" {
		return check(w, chips, bounds)
	}
	if o.output == "" {
		return table(w, chips, o)
	}
	var b strings.Builder
	if err := table(&b, chips, o); err != nil {
		return err
	}
	return os.WriteFile(o.output, []byte(b.String()), 0o666)
}
