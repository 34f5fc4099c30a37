package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
)

// cardModels are the models that a card shows, one of each family. A software device
// takes minutes for the last three.
var cardModels = []string{"espcn_x3", "resnet18", "resnet50", "swin_t", "vit_b_16", "clip_vit_b32", "mae_vit_base_patch16", "unet", "sam_vit_b"}

// cardSlow is how many of them a software device leaves out.
const cardSlow = 3

func newBenchCard(s *settings) *cobra.Command {
	b := &benchCard{settings: s, child: runChild}
	c := &cobra.Command{
		Use:   "card [MODEL]...",
		Short: "Measure the device for one page to show",
		Long: `Measures the device and writes a page of it: DIR/NAME.json, DIR/NAME.md and the roofline
DIR/NAME.svg, where NAME is the adapter's. The page has the verdict of "vertebra verify",
the peak rates, and for each model the first output with an empty and with a filled
cache of the driver, later runs, and where their time goes. If "vertebra tune" has kept
something for this device, the page also has the tuned times; --tune tunes the models
first. Each measurement is a process of its own, so one that fails leaves the others.

MODEL is one of "vertebra models"; without any, one of each family is measured.`,
		Example: `  vertebra bench card -o cards/
  vertebra bench card resnet50 vit_b_16 --tune -o .`,
		RunE: b.run,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return namesOf(ofAny), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := c.Flags()
	f.StringVarP(&b.dir, "output", "o", ".", "folder to write the files to")
	f.IntVar(&b.runs, "runs", 10, "timed runs of each model")
	f.IntVar(&b.batch, "batch", 1, "inputs at once")
	f.BoolVar(&b.tune, "tune", false, "tune the models first")
	f.BoolVar(&b.json, "json", false, "print a JSON object, too")
	return c
}

type benchCard struct {
	*settings
	dir         string
	runs, batch int
	tune, json  bool

	// child runs this program with args and more variables in its environment, and
	// returns what it prints.
	child func(ctx context.Context, env []string, args ...string) ([]byte, error)

	errs io.Writer
	card bench.Card
}

func (b *benchCard) run(c *cobra.Command, names []string) error {
	if b.runs < 1 {
		return fmt.Errorf("--runs %d, want 1 or more", b.runs)
	}
	if err := checkBatch(b.batch); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := lookup(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(b.dir, 0o777); err != nil {
		return err
	}
	m, err := b.gpu()
	if err != nil {
		return err
	}
	b.card = bench.Card{Kind: "card", Machine: bench.Describe(m.dev), Date: time.Now().UTC().Format(time.DateOnly), Models: []bench.CardModel{}}
	m.close()
	if names == nil {
		names = cardModels
		if b.card.Type == "software" {
			names = names[:len(names)-cardSlow]
		}
	}
	b.errs = c.ErrOrStderr()
	load := bench.WatchLoad()
	if err := b.measure(c.Context(), names); err != nil {
		return err
	}
	b.card.OthersCores = load.Others()
	b.warnBusy(b.errs, b.card.Machine, b.card.OthersCores)
	return b.write(c.OutOrStdout())
}

// measure fills the card. The error is ctx's; other errors become the card's problems.
func (b *benchCard) measure(ctx context.Context, names []string) error {
	b.say("verify")
	var report verifyReport
	if out, err := b.child(ctx, nil, b.flags("verify")...); len(out) == 0 || json.Unmarshal(out, &report) != nil {
		b.problem("verify", err)
	}
	b.card.Verify.Passed, b.card.Verify.Failed = report.Passed, report.Failed
	for _, c := range report.Cases {
		if !c.Pass {
			b.card.Verify.Failures = append(b.card.Verify.Failures, c.Name)
		}
	}
	b.say("peak")
	var peak bench.Report[struct{}]
	if err := b.ask(ctx, &peak, nil, "bench", "peak"); err != nil {
		b.problem("peak", err)
	}
	b.card.Peak = peak.Peak
	for i, name := range names {
		b.say(fmt.Sprintf("%d/%d %s", i+1, len(names), name))
		if err := b.model(ctx, name); err != nil {
			b.problem(name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// model measures a model in several processes.
func (b *benchCard) model(ctx context.Context, name string) error {
	cache, err := os.MkdirTemp("", "vertebra-card")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	// What drivers call the folder of their cache. On other systems the cold process may
	// find a cache.
	var env []string
	for _, v := range []string{"MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH", "AMD_SHADER_DISK_CACHE_PATH"} {
		env = append(env, v+"="+cache)
	}
	one := func(env []string, more ...string) (r bench.ModelResult, err error) {
		var report bench.Report[bench.ModelResult]
		if err := b.ask(ctx, &report, env, append([]string{"bench", "model", name, "--batch", strconv.Itoa(b.batch)}, more...)...); err != nil {
			return r, err
		}
		if len(report.Results) != 1 {
			return r, errors.New("no result")
		}
		return report.Results[0], nil
	}
	runs := []string{"--runs", strconv.Itoa(b.runs)}
	cold, err := one(env, append(runs, "--untuned")...)
	if err != nil {
		return err
	}
	warm, err := one(env, "--runs", "0", "--untuned")
	if err != nil {
		return err
	}
	profiled, err := one(env, "--runs", "1", "--untuned", "--profile")
	if err != nil {
		return err
	}
	m := bench.CardModel{
		Name: name, Input: cold.Input, FLOPs: cold.FLOPs, Cold: cold.FirstOutput, Warm: warm.FirstOutput, Default: *cold.Median,
		Kernels: bench.SumKernels(profiled.Layers),
	}
	if b.tune {
		if _, err := b.child(ctx, nil, b.flags("tune", name, "--batch", strconv.Itoa(b.batch))...); err != nil {
			b.problem("tune "+name, err)
		}
	}
	if !b.untuned {
		tuned, err := one(env, runs...)
		if err != nil {
			return err
		}
		if tuned.Tuned > 0 {
			m.Tuned = tuned.Median
		}
	}
	b.card.Models = append(b.card.Models, m)
	return nil
}

// ask runs a command and reads the JSON that it prints.
func (b *benchCard) ask(ctx context.Context, into any, env []string, args ...string) error {
	out, err := b.child(ctx, env, b.flags(args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

// flags adds the flags of the device and for JSON.
func (b *benchCard) flags(args ...string) []string {
	args = append(slices.Clone(args), "--json", "--quiet")
	for name, value := range map[string]string{"device": b.device, "backend": b.backend, "limits": b.limits, "kind": b.kind} {
		if value != "" {
			args = append(args, "--"+name, value)
		}
	}
	if b.f16 && args[0] != "verify" {
		args = append(args, "--f16")
	}
	if b.f16Values && args[0] != "verify" {
		args = append(args, "--f16-values")
	}
	return args
}

func (b *benchCard) say(what string) {
	if !b.quiet {
		fmt.Fprintf(b.errs, "%s\n", what)
	}
}

// problem notes what could not be measured.
func (b *benchCard) problem(what string, err error) {
	if err == nil {
		err = errors.New("no result")
	}
	text := what + ": " + withoutCall(err)
	b.card.Problems = append(b.card.Problems, text)
	complain(b.errs, errors.New(text))
}

// runChild runs this program. The error has the last line that it wrote to standard
// error.
func runChild(ctx context.Context, env []string, args ...string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), env...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 2 * patience
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if last := strings.TrimPrefix(lines[len(lines)-1], "vertebra: "); last != "" {
			err = errors.New(last)
		}
	}
	return out, err
}

var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// write writes the three files.
func (b *benchCard) write(out io.Writer) error {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(b.card.Adapter), "-"), "-.")
	if name == "" {
		name = "card"
	}
	path := func(ext string) string { return filepath.Join(b.dir, name+ext) }
	err := files.Write(path(".json"), func(w io.Writer) error { return printJSON(w, b.card) })
	plot := ""
	if b.card.Peak != nil {
		plot = name + ".svg"
		err = errors.Join(err, files.Write(path(".svg"), b.card.Plot))
	}
	err = errors.Join(err, files.Write(path(".md"), func(w io.Writer) error { return b.card.Markdown(w, plot) }))
	if err != nil {
		return err
	}
	if b.json {
		return printJSON(out, b.card)
	}
	if !b.quiet {
		fmt.Fprintf(out, "%s, with .json and .svg beside it\n", files.Quote(path(".md")))
	}
	if len(b.card.Problems) > 0 {
		return fmt.Errorf("%d of the measurements failed; the page names them", len(b.card.Problems))
	}
	return nil
}
