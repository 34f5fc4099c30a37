package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/serve"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newServe(s *settings) *cobra.Command {
	v := &server{settings: s}
	c := &cobra.Command{
		Use:   "serve [NAME=]MODEL...",
		Short: "Answer requests for models over the network",
		Long: `Serves models by the Open Inference Protocol (KServe, Triton), by REST and with --grpc
by gRPC; by Immich's API for machine learning (/ping, /predict); and by OpenAI's for
embeddings (/v1/embeddings). MODEL is a name of "vertebra models", the path of a
checkpoint or of an ONNX file, or hf:OWNER/REPOSITORY; its weights are found as in other
commands. NAME is what clients call it. A folder of --repository has a model in each
NAME/VERSION. An ONNX file has the names, types and shapes of its own; it takes pictures,
too, if a model.json beside it says how they become its input.

Pictures may come as they are: an input of type BYTES with encoded files is decoded and
prepared on the server. One may take 1 GB while it is read. Requests that wait for the same
model run in batches, whose best size is measured when the model is loaded. /metrics has
Prometheus' counters. The bodies of all requests together, with their pictures as networks
get them, take 16 times --max-body at most: what comes then is told to come later.

--immich serves CLIP under the names that Immich knows, such as ViT-B-32__openai. Each is
loaded at its first request. --upstream is another server of that API, which gets what
is not served here: faces, and words in pictures.

The server listens on this computer only, unless --listen says otherwise. It is live at
once, and ready when each MODEL is loaded. At SIGTERM it is not ready, answers for the
time of --grace, and ends when all is answered.`,
		Example: `  vertebra serve resnet50 clip_vit_b32 --grpc localhost:8001
  vertebra serve --immich --listen 0.0.0.0:3003 --upstream http://immich-ml:3003
  vertebra serve cats=cats.pth --token-file token --tls-cert cert.pem --tls-key key.pem`,
		RunE: v.run,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return namesOf(ofAny), cobra.ShellCompDirectiveDefault
		},
	}
	f := c.Flags()
	f.StringVar(&v.listen, "listen", "localhost:8000", "address and port for HTTP")
	f.StringVar(&v.grpc, "grpc", "", "address and port for gRPC, such as localhost:8001")
	f.StringVar(&v.repository, "repository", "", "folder with models: NAME/VERSION/ with a checkpoint or an ONNX file in each")
	f.BoolVar(&v.immich, "immich", false, "serve CLIP under Immich's names")
	f.StringVar(&v.o.Upstream, "upstream", "", "address of a server of Immich's API that gets what is not served here")
	f.BoolVar(&v.pull, "pull", false, "download the weights if they are not there, as \"vertebra pull\" does")
	f.DurationVar(&v.o.MaxDelay, "max-delay", 2*time.Millisecond, "how long a request waits for others that are on their way, or that came with the last one; a lone request never waits")
	f.IntVar(&v.o.MaxQueue, "max-queue", 256, "how many inputs may wait for a model")
	f.IntVar(&v.o.MaxBatch, "max-batch", 16, "most inputs of a batch")
	f.Var(&v.body, "max-body", "most bytes of a request (default 64MB)")
	f.Var(&v.models, "model-memory", "memory that loaded models may take together, such as 4GB; the least recently used leave (default: any)")
	f.DurationVar(&v.grace, "grace", 5*time.Second, "how long the server answers after it is told to end")
	f.StringVar(&v.token, "token-file", "", "file with the token that requests must bring")
	f.StringVar(&v.cert, "tls-cert", "", "certificate, PEM")
	f.StringVar(&v.key, "tls-key", "", "key of the certificate, PEM")
	f.BoolVar(&v.json, "json", false, "print the addresses as a JSON object, and log in JSON")
	c.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	c.MarkFlagDirname("repository")
	return c
}

// drain is how long requests that are under way may take after the grace.
const drain = time.Minute

// mostPicture is the memory that a client's picture may take while it is read. Nothing else bounds a small file with a huge picture.
const mostPicture = 1 << 30

type server struct {
	*settings
	o                               serve.Options
	listen, grpc, repository, token string
	cert, key                       string
	immich, pull, json              bool
	grace                           time.Duration
	body, models                    byteSize

	device    *vision.Device
	listening func(*serve.Server, serveAddresses) // told when the server listens; for tests
}

// serveAddresses says where a server listens.
type serveAddresses struct {
	Device string `json:"device"`
	HTTP   string `json:"http"`
	GRPC   string `json:"grpc,omitempty"`
}

func (v *server) run(c *cobra.Command, names []string) error {
	if len(names) == 0 && v.repository == "" && !v.immich {
		return errors.New("serve needs a model, --repository or --immich; see vertebra serve --help")
	}
	if v.o.MaxBatch < 1 || v.o.MaxQueue < 1 || v.o.MaxDelay < 0 || v.grace < 0 {
		return fmt.Errorf("--max-batch %d, --max-queue %d, --max-delay %v, --grace %v: want numbers over 0 and no negative times", v.o.MaxBatch, v.o.MaxQueue, v.o.MaxDelay, v.grace)
	}
	v.o.Version, v.o.MaxBody, v.o.Memory = bench.Version(), int64(v.body), int64(v.models)
	level := slog.LevelInfo
	if v.quiet {
		level = slog.LevelWarn
	}
	var logs slog.Handler = slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level})
	if v.json {
		logs = slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level})
	}
	v.o.Log = slog.New(logs)
	if v.token != "" {
		text, err := files.ReadFile(v.token)
		if err != nil {
			return err
		}
		if v.o.Token = strings.TrimSpace(string(text)); v.o.Token == "" {
			return fmt.Errorf("%s: no token in it", files.Quote(v.token))
		}
	}
	l, err := v.listeners()
	if err != nil {
		return err
	}
	defer l.HTTP.Close()
	if v.device, err = vision.OpenDevice(vision.DeviceOptions{
		Name: v.settings.device, Backend: v.backend, Limits: v.limits, Kind: v.kind, F16: v.f16, F16Values: v.f16Values, Untuned: v.untuned, TuningFault: v.tuningFault,
	}); err != nil {
		return withoutGPU(err, v.backend)
	}
	defer v.device.Close()
	s := serve.New(v.o)
	defer s.Close()
	if err := v.add(c, s, names); err != nil {
		return err
	}
	at := serveAddresses{Device: v.device.String(), HTTP: l.HTTP.Addr().String()}
	if l.GRPC != nil {
		at.GRPC = l.GRPC.Addr().String()
	}
	switch {
	case v.json:
		if err := printJSON(c.OutOrStdout(), at); err != nil {
			return err
		}
	case !v.quiet:
		fmt.Fprintf(c.OutOrStdout(), "device: %s\nlistening on %s", at.Device, at.HTTP)
		if at.GRPC != "" {
			fmt.Fprintf(c.OutOrStdout(), ", gRPC on %s", at.GRPC)
		}
		fmt.Fprintln(c.OutOrStdout())
	}
	if v.listening != nil {
		v.listening(s, at)
	}
	endsWithin(c, v.grace+drain)
	return s.Run(c.Context(), l, v.grace, drain)
}

func (v *server) listeners() (l serve.Listeners, err error) {
	if v.cert != "" {
		pair, err := tls.LoadX509KeyPair(v.cert, v.key)
		if err != nil {
			return l, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		l.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	if l.HTTP, err = net.Listen("tcp", v.listen); err != nil {
		return l, fmt.Errorf("--listen: %w", err)
	}
	if v.grpc != "" {
		if l.GRPC, err = net.Listen("tcp", v.grpc); err != nil {
			l.HTTP.Close()
			return l, fmt.Errorf("--grpc: %w", err)
		}
	}
	return l, nil
}

// add gives the server the models that are named, those of the repository, and Immich's.
func (v *server) add(c *cobra.Command, s *serve.Server, names []string) error {
	for _, spec := range names {
		name, of, ok := strings.Cut(spec, "=")
		if !ok {
			name, of = strings.TrimSuffix(filepath.Base(spec), ".onnx"), spec
			if rest, ok := strings.CutPrefix(spec, onFace); ok {
				name = rest
			}
		}
		if name == "" || of == "" {
			return fmt.Errorf("%s: want NAME=MODEL with both", files.Quote(spec))
		}
		if err := s.Add(name, "1", "vertebra", false, v.loader(c, single(of))); err != nil {
			return err
		}
	}
	if v.repository != "" {
		found, err := versions(v.repository)
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := s.Add(f.name, f.version, "vertebra", true, v.loader(c, f.path)); err != nil {
				return err
			}
		}
	}
	if v.immich {
		for _, m := range immichModels() {
			if err := s.Add(m.name, "1", "vertebra", true, v.loader(c, m.weights)); err != nil {
				return err
			}
		}
	}
	return nil
}

// loader returns what opens a model: a name, a path or a repository of Hugging Face.
func (v *server) loader(c *cobra.Command, of string) serve.Loader {
	return func(context.Context) (serve.Network, error) {
		own := *v.settings
		own.memory = cmp.Or(own.memory, mostPicture)
		m := &modelFlags{settings: &own, pull: v.pull, batch: 1, on: v.device, truncate: true}
		m.streams(c)
		name, err := m.here(c, of)
		if err != nil {
			return nil, err
		}
		if file, ok := zoo.FindONNX(name); ok {
			return serve.NewONNX(file, v.device, int64(own.memory))
		}
		model, err := m.open(c, name, 0)
		if err != nil {
			return nil, err
		}
		return serve.NewVision(model)
	}
}

// version is a model of a repository.
type version struct{ name, version, path string }

// versions lists the newest version of each model in a folder. A version with a single
// file is that file, another one the folder itself.
func versions(dir string) ([]version, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, files.Named(dir, err)
	}
	var all []version
	for _, e := range entries {
		inner, err := os.ReadDir(filepath.Join(dir, e.Name()))
		if err != nil || !e.IsDir() {
			continue
		}
		inner = slices.DeleteFunc(inner, func(e os.DirEntry) bool { return !e.IsDir() })
		if len(inner) == 0 {
			continue
		}
		newest := slices.MaxFunc(inner, func(a, b os.DirEntry) int {
			if d := len(a.Name()) - len(b.Name()); d != 0 {
				return d // 10 is newer than 9
			}
			return strings.Compare(a.Name(), b.Name())
		})
		all = append(all, version{e.Name(), newest.Name(), single(filepath.Join(dir, e.Name(), newest.Name()))})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no model in it; want NAME/VERSION/ with a checkpoint", files.Quote(dir))
	}
	return all, nil
}

// single returns the only file of a folder, such as KServe makes for a model. Any other
// path it returns as it is.
func single(path string) string {
	if own, err := os.ReadDir(path); err == nil && len(own) == 1 && !own[0].IsDir() {
		return filepath.Join(path, own[0].Name())
	}
	return path
}

// immichModel is a model by Immich's name, with where its weights are.
type immichModel struct{ name, weights string }

// immichModels lists the models of Immich that CLIP's towers can run. Those by OpenAI are
// in the registry, others are repositories of Hugging Face.
func immichModels() []immichModel {
	all := []immichModel{
		{"ViT-B-32__laion2b-s34b-b79k", "hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K"},
		{"ViT-L-14__laion2b-s32b-b82k", "hf:laion/CLIP-ViT-L-14-laion2B-s32B-b82K"},
		{"ViT-H-14__laion2b-s32b-b79k", "hf:laion/CLIP-ViT-H-14-laion2B-s32B-b79K"},
		{"ViT-g-14__laion2b-s12b-b42k", "hf:laion/CLIP-ViT-g-14-laion2B-s12B-b42K"},
		{"ViT-H-14-quickgelu__dfn5b", "hf:apple/DFN5B-CLIP-ViT-H-14"},
		{"ViT-H-14-378-quickgelu__dfn5b", "hf:apple/DFN5B-CLIP-ViT-H-14-378"},
		{"ViT-L-14-quickgelu__dfn2b", "hf:apple/DFN2B-CLIP-ViT-L-14"},
	}
	for _, m := range zoo.ModelsFor(zoo.Embed) {
		if len(m.Files) == 0 {
			continue
		}
		name := strings.TrimSuffix(m.Files[0].Name(), ".pt")
		all = append(all, immichModel{strings.TrimSuffix(name, "px") + "__openai", m.Name})
	}
	return all
}
