package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newPull(s *settings) *cobra.Command {
	p := &pull{settings: s}
	c := &cobra.Command{
		Use:   "pull NAME...",
		Short: "Download the weights of models",
		Long: `Downloads weights from their authors, shows the licence and the size first, and compares
the hash. NAME is a model of "vertebra models", or hf:OWNER/REPOSITORY for the weights and
configs of a repository on Hugging Face, with @REVISION for a branch, tag or commit. The
other commands find what is there: "vertebra classify resnet50 photo.jpg" needs no
--weights then.

A download that was cut goes on where it ended. Files go to the caches that other
programs use: Hugging Face's (HF_HOME, HF_HUB_CACHE) and torch hub's (TORCH_HOME). What
these programs have downloaded is not downloaded again. HF_ENDPOINT names a mirror of
Hugging Face, and --from the address of a folder with the files of models. HF_TOKEN is
sent to Hugging Face or HF_ENDPOINT only. HTTPS_PROXY and HTTP_PROXY name a proxy.

Weights whose licence forbids commercial use need --accept.`,
		Example: `  vertebra pull resnet50 sam_vit_b
  vertebra pull mae_vit_large_patch16 --accept
  vertebra pull hf:openai/clip-vit-base-patch32@refs/pr/15
  vertebra pull hf:onnx-community/yolov10n --file onnx/model.onnx
  vertebra pull swin_t --from https://mirror.example/weights`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.run,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return namesOf(downloadable), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := c.Flags()
	f.StringVar(&p.from, "from", "", "address of a folder that has the files, in place of their authors' servers")
	f.StringArrayVar(&p.files, "file", nil, "file of the repository on Hugging Face, in place of its weights; may be repeated")
	f.BoolVar(&p.accept, "accept", false, "accept licences that forbid commercial use")
	f.BoolVar(&p.json, "json", false, "print a JSON array with the files")
	return c
}

// downloadable reports whether a model's weights are published and not built in.
func downloadable(m zoo.Model) bool { return m.Weights == nil && len(m.Files) > 0 }

type pull struct {
	*settings
	from         string
	files        []string
	accept, json bool

	hub      *hub.Hub
	out, err io.Writer
	pulled   []pulled
}

// pulled is a file that a pull found or downloaded.
type pulled struct {
	Name    string `json:"name"` // as the command was given it
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	Checked string `json:"checked"` // what of the bytes was compared
	Licence string `json:"licence"`
	Fetched bool   `json:"fetched"` // false if it was there
}

func (p *pull) run(c *cobra.Command, names []string) error {
	p.out, p.err = c.OutOrStdout(), c.ErrOrStderr()
	if p.json {
		p.out = io.Discard
	}
	var err error
	if p.hub, err = openHub(p.settings, p.err); err != nil {
		return err
	}
	p.hub.From = p.from
	for _, name := range names { // a wrong name is told before anything is downloaded
		if err := p.check(name); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err = p.get(c.Context(), name); err != nil {
			break
		}
	}
	if p.json && (err == nil || len(p.pulled) > 0) {
		if bad := printJSON(c.OutOrStdout(), p.pulled); bad != nil {
			return bad
		}
	}
	return err
}

// check returns an error if name is none that can be downloaded.
func (p *pull) check(name string) error {
	if reference, ok := strings.CutPrefix(name, onFace); ok {
		if p.from != "" {
			return fmt.Errorf("--from has files of models; for %s set HF_ENDPOINT", name)
		}
		_, _, err := hub.ParseReference(reference)
		return err
	}
	if len(p.files) > 0 {
		return fmt.Errorf("--file names files of a repository hf:OWNER/NAME, not of %s", name)
	}
	m, err := lookup(name)
	switch {
	case err != nil:
		return err
	case m.Weights != nil:
		return fmt.Errorf("the weights of %s are built in", name)
	case len(m.Files) == 0:
		return fmt.Errorf("no weights of %s are published", name)
	}
	return nil
}

// get downloads what name stands for.
func (p *pull) get(ctx context.Context, name string) error {
	if reference, ok := strings.CutPrefix(name, onFace); ok {
		return p.repository(ctx, name, reference)
	}
	m, err := lookup(name)
	if err != nil {
		return err
	}
	size := "size unknown"
	if n, exact := m.Download(); exact {
		size = bytesText(n)
	} else if n > 0 {
		size = "about " + bytesText(n)
	}
	fmt.Fprintf(p.out, "%s: %s, %s, %s\n", name, m.Files[0].Name(), size, m.Files[0].Terms)
	if m.Files[0].NonCommercial && !p.accept {
		return needsAccept(name, m.Files[0].Licence())
	}
	for _, f := range filesOf(m) {
		found, err := p.hub.Fetch(ctx, f)
		if err != nil {
			return err
		}
		p.keep(name, f.Licence(), found)
	}
	return nil
}

// repository downloads a repository from Hugging Face.
func (p *pull) repository(ctx context.Context, name, reference string) error {
	of, revision, err := hub.ParseReference(reference)
	if err != nil {
		return err
	}
	r, err := p.hub.Repository(ctx, of, revision)
	if err != nil {
		return err
	}
	chosen, err := r.Select(p.files...)
	if err != nil {
		return err
	}
	total, known := int64(0), true
	for _, f := range chosen {
		total += max(f.Bytes, 0)
		known = known && f.Bytes >= 0
	}
	size, licence := "size unknown", r.Licence
	if known {
		size = bytesText(total)
	}
	if licence == "" {
		licence = "no licence given"
	}
	fmt.Fprintf(p.out, "%s: %d files, %s, %s, commit %.12s\n", name, len(chosen), size, files.Quote(licence), r.Commit)
	if r.NonCommercial() && !p.accept {
		return needsAccept(name, licence)
	}
	found, err := p.hub.FetchRepository(ctx, r, p.files...)
	for _, f := range found {
		p.keep(name, r.Licence, f)
	}
	return err
}

func needsAccept(name, licence string) error {
	return fmt.Errorf("%s has a licence that forbids commercial use (%s): give --accept to \"vertebra pull\" if you accept it", name, files.Quote(licence))
}

// keep notes and prints a file that is there now.
func (p *pull) keep(name, licence string, f hub.Found) {
	p.pulled = append(p.pulled, pulled{name, f.Path, f.Bytes, f.Checked, licence, f.Fetched})
	was := "was there"
	if f.Fetched {
		was = "downloaded"
	}
	if p.quiet {
		fmt.Fprintln(p.out, files.Quote(f.Path))
		return
	}
	fmt.Fprintf(p.out, "  %s (%s, %s, compared with %s)\n", files.Quote(f.Path), was, bytesText(f.Bytes), f.Checked)
}

// openHub returns the hub of the environment, which shows progress on w if that is a
// terminal, and waits in any case.
func openHub(s *settings, w io.Writer) (*hub.Hub, error) {
	h, err := hub.FromEnvironment()
	if err != nil || s.quiet {
		return h, err
	}
	t := &transfer{w: w}
	if f, ok := w.(*os.File); ok {
		t.terminal = term.IsTerminal(int(f.Fd()))
	}
	h.Progress = t.show
	return h, nil
}

// transfer shows the progress of files that arrive one after another.
type transfer struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar
	of       string // what the bar shows
}

func (t *transfer) show(p hub.Progress) {
	switch p.State {
	case hub.Waiting:
		t.clear()
		fmt.Fprintf(t.w, "%s: %s; again in %v\n", files.Quote(p.Name), files.Escape(p.Why.Error()), p.Wait)
		return
	case hub.Locked:
		t.clear()
		fmt.Fprintf(t.w, "%s: another process downloads it; waiting\n", files.Quote(p.Name))
		return
	}
	if !t.terminal {
		return
	}
	of := files.Quote(p.Name)
	if p.State == hub.Checking {
		of = "checking " + of
	}
	if of != t.of {
		t.clear()
		t.of = of
		t.bar = progressbar.NewOptions64(p.Total,
			progressbar.OptionSetWriter(t.w), progressbar.OptionSetDescription(of), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
		t.bar.AddMax64(0)
	}
	t.bar.Set64(p.Done)
}

func (t *transfer) clear() {
	if t.bar != nil {
		t.bar.Clear()
	}
	t.bar, t.of = nil, ""
}
