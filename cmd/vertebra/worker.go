package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/queue"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newWorker(s *settings) *cobra.Command {
	w := &batchWorker{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "worker --join URL",
		Short: "Do units of a batch on another computer",
		Long: `Does units of the job of a "vertebra batch" that listens, or that uses the same NATS
cluster, until the job ends. The job says which model runs. SRC and OUT are seen here
under the same paths, unless --folder and --output say otherwise, and so are the weights.
Weights that "vertebra pull" has downloaded are found, too.`,
		Example: `  vertebra worker --join nats://TOKEN@desk:4222
  vertebra worker --join nats://a:4222,nats://b:4222 --credentials user.creds --batch 16 --weights ViT-B-32.pt`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if w.child {
				ctx = queue.UntilClosed(ctx, c.InOrStdin())
			}
			err := w.run(ctx, c)
			if ctx.Err() != nil && c.Context().Err() == nil {
				return nil // its batch has ended
			}
			return err
		},
	}
	w.engineFlags.flags(c, "addresses of the engine, such as nats://TOKEN@desk:4222")
	w.batchFlag(c)
	w.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&w.weights, "weights", "", "checkpoint of the job's model (default: where the job has it)")
	f.StringVarP(&w.out, "output", "o", "", "folder to write results to (default: as the job says)")
	f.StringVar(&w.folder, "folder", "", "where relative paths of pictures begin (default: where the batch runs)")
	f.StringVar(&w.name, "name", "", "what status calls this worker (default: the computer's name)")
	f.DurationVar(&w.patience, "patience", 10*time.Minute, "how long the worker waits for an engine and a job that are not there")
	f.BoolVar(&w.child, "child", false, "end when standard input does")
	f.MarkHidden("child")
	c.MarkFlagRequired("join")
	return c
}

type batchWorker struct {
	modelFlags
	engineFlags
	out, folder, name string
	patience          time.Duration
	child             bool
}

// worked is the JSON output of a worker.
type worked struct {
	Output string `json:"output"`
	Device string `json:"device"`
}

func (w *batchWorker) run(ctx context.Context, c *cobra.Command) error {
	if err := checkBatch(w.batch); err != nil {
		return err
	}
	w.streams(c)
	a, err := w.access()
	if err != nil {
		return err
	}
	if w.name == "" {
		if w.name, err = os.Hostname(); err != nil {
			return err
		}
	}
	if !w.quiet {
		fmt.Fprintf(w.modelFlags.err, "waiting %v for a job at %s\n", w.patience, a)
	}
	client, err := queue.Dial(a, w.name, w.patience)
	if err != nil {
		return fmt.Errorf("--join: %w", err)
	}
	defer client.Close()
	at, err := client.Job(ctx)
	if err != nil {
		return fmt.Errorf("--join: %w", err)
	}
	places := placesHere()
	out, err := places.Store(cmp.Or(files.Unquote(w.out), at.Out))
	if err != nil {
		return err
	}
	j, err := batch.Attach(ctx, out, places)
	if err != nil {
		return fmt.Errorf("%s: %w; --output says where it is here", files.Quote(at.Out), err)
	}
	defer j.Close()
	if j.ID != at.Job {
		return fmt.Errorf("%s: another job than that of the engine", files.Quote(cmp.Or(w.out, at.Out)))
	}
	m, err := w.model(c, j.Spec)
	if err != nil {
		return err
	}
	defer m.Close()
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	one := queue.Worker{Worker: &batch.Worker{Job: j, Model: m, Name: w.name, Folder: cmp.Or(w.folder, at.In)}, Client: client, Lease: at.Lease, Log: log}
	if err := one.Run(ctx); err != nil {
		return withoutGPU(err, w.backend)
	}
	switch {
	case w.json:
		return printJSON(w.modelFlags.out, worked{at.Out, m.Device().String()})
	case !w.quiet:
		fmt.Fprintf(w.modelFlags.out, "%s: the job has ended\n", files.Quote(at.Out))
	}
	return nil
}

// model opens the model of a job.
func (w *batchWorker) model(c *cobra.Command, s batch.Spec) (*vision.Model, error) {
	m, err := w.openModel(c, s)
	if err != nil {
		return nil, err
	}
	if err := s.Check(m); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// openFile opens the ONNX file of a job.
func (w *batchWorker) openFile(s batch.Spec) (*vision.Model, error) {
	path := cmp.Or(w.weights, s.Weights)
	file, ok := zoo.FindONNX(path)
	if !ok {
		return nil, fmt.Errorf("%s: no ONNX file; --weights says where the job's is here", files.Quote(path))
	}
	w.weights = ""
	o, err := w.options()
	if err != nil {
		return nil, err
	}
	o.Labels, o.Size, o.ONNX = s.Labels, s.Size, *s.ONNX
	o.ONNX.Task = cmp.Or(s.Needs(), zoo.Features)
	m, err := vision.Open(file, o)
	if err != nil {
		return nil, w.explain(err, zoo.Model{})
	}
	return m, nil
}

// openModel opens the model that a job names.
func (w *batchWorker) openModel(c *cobra.Command, s batch.Spec) (*vision.Model, error) {
	if s.ONNX != nil {
		return w.openFile(s)
	}
	var entry zoo.Model
	var err error
	switch {
	case s.Task == batch.Upscale:
		entry = zoo.ESPCN(s.Scale)
	case s.Model == zoo.CLIP().Name:
		entry = zoo.CLIP()
	case s.Model == zoo.SAM().Name:
		entry = zoo.SAM()
	default:
		if entry, err = zoo.Lookup(s.Model); err != nil {
			return nil, err
		}
	}
	w.key, w.classes = s.Key, s.Classes
	w.weights = cmp.Or(w.weights, s.Weights)
	if _, err := os.Stat(w.weights); err != nil && downloadable(entry) {
		w.weights = "" // the hub may have them
	}
	if err := w.locate(c, entry); err != nil {
		return nil, err
	}
	o, err := w.options()
	if err != nil {
		return nil, err
	}
	o.Labels, o.Size, o.CLIP, o.Vocabulary = s.Labels, s.Size, s.CLIP, s.Vocabulary
	m, err := vision.OpenModel(entry, o)
	if err != nil {
		return nil, w.explain(err, entry)
	}
	return m, nil
}
