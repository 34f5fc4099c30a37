package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/ui"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/hub"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newUI(s *settings) *cobra.Command {
	p := &page{settings: s}
	c := &cobra.Command{
		Use:   "ui [FOLDER|CHECKPOINT]...",
		Short: "Open a page in the browser for all of this",
		Long: `Starts a server for this machine alone, prints its address and opens it in the browser.
The page enlarges pictures, cuts objects out, searches folders by words, shows what
networks see, downloads models, and checks and measures the device. Photos never leave
the machine.

A FOLDER is opened for the page Search; the page can open others. A CHECKPOINT is offered
beside the models that are built in or downloaded. The address has a secret: who knows
it can use the page and read the pictures of open folders. Each start makes a new one.

Other programs may use the routes behind the page; "go doc github.com/vertebra/vertebra/ui"
lists them. With --json, the address is an object on a line.`,
		Example: `  vertebra ui
  vertebra ui ~/Pictures
  vertebra ui --until-closed
  vertebra ui --port 8765 --open=false sam_vit_b_01ec64.pth`,
		RunE: p.run,
	}
	f := c.Flags()
	f.IntVar(&p.port, "port", 0, "port of 127.0.0.1 to listen on (default: a free one)")
	f.BoolVar(&p.open, "open", true, "open the page in the browser")
	f.BoolVar(&p.untilClosed, "until-closed", false, "end a minute after the last page is closed and the last job has ended")
	f.BoolVar(&p.json, "json", false, "print the address as a JSON object")
	return c
}

// page is the server behind a page.
type page struct {
	*settings
	port                    int
	open, json, untilClosed bool
}

// options turns flags and arguments into options of the page.
func (p *page) options(args []string) (ui.Options, error) {
	o := ui.Options{
		Device: vision.DeviceOptions{
			Name: p.device, Backend: p.backend, Limits: p.limits, Kind: p.kind, F16: p.f16, F16Values: p.f16Values, Untuned: p.untuned, TuningFault: p.tuningFault,
		},
		Memory: int64(p.memory), Version: bench.Version(),
	}
	for _, path := range args {
		path = files.Unquote(path)
		info, err := os.Stat(path)
		if err != nil {
			return o, files.Named(path, err)
		}
		if info.IsDir() {
			if _, err := zoo.Identify(path, ""); err != nil { // no folder of weights
				o.Folders = append(o.Folders, path)
				continue
			}
		}
		o.Checkpoints = append(o.Checkpoints, path)
	}
	var err error
	o.Hub, err = hub.FromEnvironment()
	return o, err
}

func (p *page) run(c *cobra.Command, args []string) error {
	if p.port < 0 || p.port > 1<<16-1 {
		return fmt.Errorf("--port %d, want 0 to %d", p.port, 1<<16-1)
	}
	o, err := p.options(args)
	if err != nil {
		return err
	}
	s, err := ui.New(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		return errors.Join(err, s.Close())
	}
	address := s.Address(l.Addr().String())
	if p.json {
		fmt.Fprintf(c.OutOrStdout(), "{\"address\": %q}\n", address)
	} else {
		fmt.Fprintln(c.OutOrStdout(), address)
	}
	if !p.quiet && !p.json {
		complain(c.ErrOrStderr(), errors.New("this address is secret and for this machine alone; Ctrl-C ends the server"))
	}
	if p.open {
		forget, err := browse(address)
		switch {
		case err == nil:
			defer forget()
		case !p.quiet:
			complain(c.ErrOrStderr(), fmt.Errorf("no browser opens (%v): open the address yourself", err))
		}
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	if p.untilClosed {
		go func() {
			s.UntilClosed(ctx, time.Minute)
			cancel()
		}()
	}
	return listenUI(ctx, l, s)
}

// listenUI answers requests until ctx ends. That is how a page usually ends, and no error.
func listenUI(ctx context.Context, l net.Listener, s *ui.Server) error {
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		s.Stop()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience/2)
		defer cancel()
		if h.Shutdown(soon) != nil {
			h.Close()
		}
	}
	return errors.Join(err, s.Close())
}
