package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/store"
	"github.com/vertebra/vertebra/vision/zoo"
)

// aboutSources is the part of help that says what an argument SRC may be.
const aboutSources = `SRC is a folder, which stands for all pictures below it; a picture; a pattern; an
archive, .tar or .zip; or a list, .txt, with one SRC in each line. OUT is a folder. Both
may be in S3, as s3://BUCKET/PATH. OUT
gets a Parquet file for each unit of pictures, such as part-00017.parquet, with a row for
each picture: path, size, mtime, and the result or the error. The same command again goes
on where an earlier one was interrupted, in any way and at any place.`

func newBatch(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "batch TASK",
		Short: "Run a task on millions of pictures, on any number of computers",
		Long: `Runs a task on any number of pictures.

` + aboutSources + `

Workers are processes of their own, one on this computer by default. With --listen, others
join by "vertebra worker". The units are distributed by NATS JetStream, whose engine is in
this process, or a cluster with --join. A unit at which three workers are lost or fail is
given up: the job goes on, and ends with status 1.

With --shard K/N, the command does the share K, 0 to N-1, of the units. N such commands
on any computers that see SRC and OUT do all. The first lists the pictures for all.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	for _, t := range batchTasks {
		c.AddCommand(newBatchTask(s, t))
	}
	c.AddCommand(newBatchStatus(s))
	return c
}

// batchTask is a task that batch runs.
type batchTask struct {
	name, does, example string
	model               bool // the first argument is a model
	flags               func(*batchRun, *cobra.Command)
	open                func(*batchRun, *cobra.Command, string) (*vision.Model, error)
}

// ofTaskNamed opens the model that the first argument names.
func ofTaskNamed(t zoo.Task) func(*batchRun, *cobra.Command, string) (*vision.Model, error) {
	return func(b *batchRun, c *cobra.Command, name string) (*vision.Model, error) {
		return b.modelFlags.open(c, name, t)
	}
}

var batchTasks = []batchTask{
	{name: batch.Embed, does: "Write embeddings of pictures", example: "photos/ --weights ViT-B-32.pt --batch 8 --normalize -o vectors/",
		flags: func(b *batchRun, c *cobra.Command) {
			b.embed.flags(c)
			b.file.flags(c)
			c.Flags().BoolVar(&b.spec.Normalize, "normalize", false, "scale embeddings to length one")
			b.vectorsFlag(c)
		},
		open: func(b *batchRun, c *cobra.Command, _ string) (*vision.Model, error) {
			e := b.embed
			m, err := e.open(c)
			if backbone := e.backbone(err); backbone != nil {
				m, err = backbone, nil
			}
			return m, err
		}},
	{name: batch.Classify, does: "Say what is in pictures", example: "resnet50 shards/*.tar --batch 8 -o classes/", model: true,
		flags: func(b *batchRun, c *cobra.Command) {
			b.weightsFlags(c, ofTask(zoo.Classify))
			b.file.flags(c)
			b.sizeFlag(c)
			b.labelsFlag(c, " (default: ImageNet's for 1000 classes)")
			b.batchFlag(c)
			c.Flags().IntVar(&b.spec.Top, "top", 5, "how many classes to write")
		},
		open: ofTaskNamed(zoo.Classify)},
	{name: batch.Segment, does: "Find the class of each pixel of pictures", example: "unet cars/ --weights unet_carvana_scale0.5_epoch2.pth -o masks/", model: true,
		flags: func(b *batchRun, c *cobra.Command) {
			b.weightsFlags(c, ofTask(zoo.Segment))
			b.file.flags(c)
			b.sizeFlag(c)
			b.labelsFlag(c, "")
			b.batchFlag(c)
			c.Flags().Float32Var(&b.spec.Threshold, "threshold", 0.5, "with one class: least score of its pixels, a probability")
		},
		open: ofTaskNamed(zoo.Segment)},
	{name: batch.Features, does: "Write the values inside a model for pictures", example: "resnet50 photos/ --layer avgpool --vectors npy -o features/", model: true,
		flags: func(b *batchRun, c *cobra.Command) {
			b.weightsFlags(c, ofAny)
			b.file.flags(c)
			b.towerFlags(c)
			b.sizeFlag(c)
			b.batchFlag(c)
			b.layoutFlag(c)
			b.vectorsFlag(c)
			c.Flags().StringVar(&b.spec.Layer, "layer", "", "stage to write (default: the last stage before the result)")
			c.RegisterFlagCompletionFunc("layer", completeLayer)
		},
		open: ofTaskNamed(0)},
	{name: batch.Upscale, does: "Enlarge pictures with ESPCN", example: "photos/ --scale 2 -o large/",
		flags: func(b *batchRun, c *cobra.Command) {
			f := c.Flags()
			f.IntVar(&b.spec.Scale, "scale", 3, "how many times to enlarge: 2, 3 or 4")
			f.StringVar(&b.spec.Format, "format", "png", "png or jpeg, of the enlarged pictures")
		},
		open: func(b *batchRun, c *cobra.Command, _ string) (*vision.Model, error) {
			if b.spec.Scale < 2 || b.spec.Scale > 4 {
				return nil, fmt.Errorf("--scale %d, want 2, 3 or 4", b.spec.Scale)
			}
			if b.spec.Format != "png" && b.spec.Format != "jpeg" {
				return nil, fmt.Errorf("--format %q, want png or jpeg", b.spec.Format)
			}
			return b.openEntry(c, zoo.ESPCN(b.spec.Scale), zoo.SuperResolve)
		}},
}

// batchRun is a run of a task on many pictures.
type batchRun struct {
	*modelFlags
	embed *clipFlags // whose modelFlags they are
	layout

	spec           batch.Spec
	out, vectors   string
	unit           int
	share          string
	asListed       bool
	shard, ofShard int
	queue          queueFlags
}

func newBatchTask(s *settings, t batchTask) *cobra.Command {
	e := &clipFlags{modelFlags: modelFlags{settings: s, lazy: true}}
	b := &batchRun{modelFlags: &e.modelFlags, embed: e}
	b.spec.Task = t.name
	use, least, about := "SRC... -o OUT", 1, aboutSources
	if t.model {
		use, least, about = "MODEL "+use, 2, about+"\n\n"+aboutONNX
	}
	c := &cobra.Command{
		Use:     t.name + " " + use,
		Short:   t.does,
		Long:    t.does + ".\n\n" + about,
		Example: "  vertebra batch " + t.name + " " + t.example,
		Args:    cobra.MinimumNArgs(least),
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if t.model {
				name, args = args[0], args[1:]
			}
			if err := b.check(c); err != nil {
				return err
			}
			m, err := t.open(b, c, name)
			if err != nil {
				return err
			}
			defer m.Close()
			return b.run(c, m, args)
		},
	}
	t.flags(b, c)
	f := c.Flags()
	f.StringVarP(&b.out, "output", "o", "", "folder to write results to")
	f.IntVar(&b.unit, "unit", 256, "pictures of a unit, which has a file and is done by one worker")
	f.StringVar(&b.share, "shard", "", "do the share K of N alone, K from 0 to N-1, such as 3/16")
	f.BoolVar(&b.spec.SHA256, "sha256", false, "write the SHA-256 of each picture's file")
	f.BoolVar(&b.asListed, "as-listed", false, "go on with the pictures that OUT lists, without looking at SRC again")
	b.queue.flags(c)
	b.jsonFlag(c)
	b.strictFlag(c)
	c.MarkFlagRequired("output")
	c.MarkFlagDirname("output")
	return c
}

// vectorsFlag adds the flag for the format of vectors.
func (b *batchRun) vectorsFlag(c *cobra.Command) {
	c.Flags().StringVar(&b.vectors, "vectors", "parquet", "parquet, or npy for a NumPy file beside each Parquet file, too")
}

// check checks the flags of all tasks.
func (b *batchRun) check(c *cobra.Command) error {
	if b.out == standard {
		return fmt.Errorf("--output -: results need a folder; for one of that name give ./-")
	}
	if f := c.Flags().Lookup("batch"); f != nil {
		if err := checkBatch(b.batch); err != nil {
			return err
		}
	}
	if f := c.Flags().Lookup("top"); f != nil && b.spec.Top < 1 {
		return fmt.Errorf("--top %d, want 1 or more", b.spec.Top)
	}
	if f := c.Flags().Lookup("threshold"); f != nil && !(b.spec.Threshold > 0 && b.spec.Threshold < 1) {
		return fmt.Errorf("--threshold %v, want a probability between 0 and 1", b.spec.Threshold)
	}
	if c.Flags().Lookup("layout") != nil {
		if err := b.layout.check(); err != nil {
			return err
		}
		b.spec.Layout = string(b.layout)
	}
	switch b.vectors {
	case "", "parquet":
	case "npy":
		b.spec.NPY = true
	default:
		return fmt.Errorf("--vectors %q, want parquet or npy", b.vectors)
	}
	if !c.Flags().Changed("shard") {
		return b.queue.check()
	}
	for _, name := range []string{"join", "listen", "workers"} {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s: a --shard has no engine", name)
		}
	}
	if n, err := fmt.Sscanf(b.share+" ", "%d/%d ", &b.shard, &b.ofShard); n != 2 || err != nil || b.shard < 0 || b.shard >= b.ofShard {
		return fmt.Errorf("--shard %q, want K/N with K from 0 to N-1, such as 3/16", b.share)
	}
	return nil
}

// describe completes the spec with what the flags and the opened model say.
func (b *batchRun) describe(m *vision.Model) error {
	o, err := b.options()
	if err != nil {
		return err
	}
	b.spec.Model = m.Name
	if b.spec.Fingerprint, err = batch.Fingerprint(m); err != nil {
		return err
	}
	if _, ok := m.Network.(*zoo.ONNX); ok {
		b.spec.ONNX = &o.ONNX
	}
	b.spec.Key, b.spec.Classes, b.spec.Labels, b.spec.Size, b.spec.CLIP = o.Key, o.Classes, o.Labels, o.Size, o.CLIP
	if m.Checkpoint != "" {
		if b.spec.Weights, err = filepath.Abs(m.Checkpoint); err != nil {
			return err
		}
	}
	if b.embed.vocab != "" {
		b.spec.Vocabulary, err = filepath.Abs(b.embed.vocab)
	}
	return err
}

// job opens the job or begins it.
func (b *batchRun) job(c *cobra.Command, m *vision.Model, sources []string) (*batch.Job, error) {
	if err := b.spec.Check(m); err != nil {
		return nil, err
	}
	if err := b.describe(m); err != nil {
		return nil, err
	}
	places := placesHere()
	out, err := places.Store(b.out)
	if err != nil {
		return nil, err
	}
	o := batch.Options{Out: out, Places: places, Unit: b.unit, Spec: b.spec, AsListed: b.asListed}
	for _, s := range sources {
		o.Sources = append(o.Sources, files.Unquote(s))
	}
	if o.Folder, err = os.Getwd(); err != nil {
		return nil, err
	}
	j, err := batch.Open(c.Context(), o)
	if err != nil {
		return nil, b.inOut(err)
	}
	return j, nil
}

// placesHere are where paths lead, with S3 as the environment says.
func placesHere() *store.Places {
	return &store.Places{S3: store.S3{
		Endpoint: cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")),
		Region:   cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
	}}
}

// inOut adds the folder of results and what can be done to the error of opening a job.
func (b *batchRun) inOut(err error) error {
	if strings.HasPrefix(err.Error(), batch.JobFile) {
		hint := "give another --output"
		if sourcesChanged(err) {
			hint = "give another --output for the pictures of now, or --as-listed to go on with those of then"
		}
		return fmt.Errorf("%s: %w; %s", files.Quote(b.out), err, hint)
	}
	return err
}
