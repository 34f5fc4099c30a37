// Command vertebra runs vision models on any GPU.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs one command line and returns the exit status. An error is one line
// on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	return runWith(ctx, args, os.Stdin, stdout, stderr)
}

// runWith is run with another standard input.
func runWith(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	root := newRoot()
	out := &checked{w: stdout}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	completed(root) // after SetOut, which it needs
	demand(root)
	nameValues(root)
	longer := new(atomic.Int64)
	err := execute(context.WithValue(ctx, patienceKey{}, longer), root)
	switch bad := out.close(); {
	case err == nil && bad != nil:
		complain(stderr, fmt.Errorf("standard output: %w", bad))
	case err == nil:
		return 0
	case ctx.Err() != nil:
		complain(stderr, fmt.Errorf("interrupted"))
		return interrupted
	default:
		complain(stderr, withMemory(err))
	}
	return 1
}

// patience is how long a command that is interrupted may take to end.
const patience = 1200 * time.Millisecond

// patienceKey is the key of how much longer than patience a command may take to end.
type patienceKey struct{}

// endsWithin lets a command take longer to end.
func endsWithin(c *cobra.Command, d time.Duration) {
	if longer, ok := c.Context().Value(patienceKey{}).(*atomic.Int64); ok {
		longer.Store(int64(d))
	}
}

// execute runs the command line. If ctx ends, it does not wait for what cannot be
// interrupted, such as a read of a disk that is gone.
func execute(ctx context.Context, root *cobra.Command) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("internal error, please report: %v", r)
			}
		}()
		done <- root.ExecuteContext(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	wait := patience
	if longer, ok := ctx.Value(patienceKey{}).(*atomic.Int64); ok {
		wait += time.Duration(longer.Load())
	}
	select {
	case err := <-done:
		return err
	case <-time.After(wait):
		return ctx.Err()
	}
}

// interrupted is the exit status after a signal, as in shells after Ctrl-C.
const interrupted = 130

// complain writes an error as one line, or as a line for each picture that was left out.
func complain(w io.Writer, err error) {
	lines := []string{withoutCall(err)}
	var left *leftOutError
	if errors.As(err, &left) {
		all := strings.Split(left.Error(), "\n")
		lines[0] = strings.Replace(lines[0], left.Error(), all[0], 1)
		lines = append(lines, all[1:]...)
	}
	for _, line := range lines {
		fmt.Fprintf(w, "vertebra: %s\n", files.Escape(strings.Join(strings.Fields(line), " ")))
	}
}

// settings are the flags that all commands share.
type settings struct {
	device    string
	backend   string
	limits    string
	kind      string
	untuned   bool
	f16       bool
	f16Values bool
	memory    byteSize
	quiet     bool

	stderr io.Writer // of the command; set before it runs
}

func newRoot() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "vertebra",
		Short: "Vision models on any GPU",
		Long: `vertebra runs computer-vision models on any GPU through WebGPU: Vulkan, Metal or
Direct3D 12, without CUDA, Python or a converter.`,
		Example: `  vertebra demo
  vertebra upscale photo.jpg -o large.png --scale 3
  vertebra classify lenet digit.png
  vertebra search photos/ "a dog on the beach" --weights ViT-B-32.pt
  vertebra sam photo.jpg --point 320,200 --weights sam_vit_b_01ec64.pth -o mask.png
  vertebra summary resnet50 --size 512x512
  vertebra verify`,
		Args: cobra.NoArgs,
		PersistentPreRunE: func(c *cobra.Command, args []string) error {
			s.stderr = c.ErrOrStderr()
			if err := checkDevice(c); err != nil {
				return err
			}
			if err := checkGiven(c); err != nil {
				return err
			}
			return checkFiles(c, args)
		},
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		Version:       bench.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate(versionLine())
	f := root.PersistentFlags()
	f.StringVar(&s.device, "device", "", "adapter: its number in \"vertebra devices\", part of its name, gpu for any but a software device, or cpu for plain Go")
	f.StringVar(&s.backend, "backend", "", "vulkan, metal, dx12 or gl")
	f.StringVar(&s.limits, "limits", "", "default: run as on the smallest GPU, with the limits that WebGPU guarantees")
	f.StringVar(&s.kind, "kind", "", "gpu or cpu: run the kernels for this kind of device, whatever the adapter is")
	f.BoolVar(&s.f16, "f16", false, "store weights as 16-bit floats on the device, which halves their memory")
	f.BoolVar(&s.f16Values, "f16-values", false, "store what lies between layers as 16-bit floats, too, where kernels can")
	f.BoolVar(&s.untuned, "untuned", false, "ignore what vertebra tune has found, and take the best guesses")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print results only")
	root.RegisterFlagCompletionFunc("backend", cobra.FixedCompletions([]string{"vulkan", "metal", "dx12", "gl"}, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("limits", cobra.FixedCompletions([]string{"default"}, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"gpu", "cpu"}, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("device", completeDevices)
	root.SetFlagErrorFunc(flagError)
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if !computes(c) {
			for _, name := range ofDevices {
				f.MarkHidden(name)
			}
		}
		help(c, args)
	})
	root.AddCommand(
		newDemo(s), newUpscale(s), newVerify(s), newBench(s), newTune(s), newModels(s), newPull(s), newUI(s), newInspect(s), newSummary(s), newClassify(s), newSegment(s), newDetect(s), newMatte(s), newRead(s), newReconstruct(s), newAttention(s), newFeatures(s), newMatch(s), newEmbed(s), newSearch(s), newSAM(s), newRun(s), newServe(s), newBatch(s), newWorker(s), newDevices(s), newShaders(), newVersion(), newMan(),
	)
	s.memoryFlags(root)
	return root
}
