package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Listeners are where a server listens. GRPC may be nil.
type Listeners struct {
	HTTP, GRPC net.Listener
	TLS        *tls.Config // nil means none
}

// Run answers requests until ctx ends, and meanwhile loads the models that are not lazy.
// If one of these cannot be loaded, Run returns the error.
//
// After ctx the server is not ready, answers what still comes for the time of grace,
// asking clients to close their connections, and at last waits up to patience for what is
// under way. A client whose connection is kept alive does not meet a closed one so.
func (s *Server) Run(ctx context.Context, l Listeners, grace, patience time.Duration) error {
	web := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: nil, TLSConfig: l.TLS,
	}
	failed := make(chan error, 3)
	go func() {
		if l.TLS != nil {
			failed <- web.ServeTLS(l.HTTP, "", "")
		} else {
			failed <- web.Serve(l.HTTP)
		}
	}()
	var g *grpc.Server
	if l.GRPC != nil {
		var options []grpc.ServerOption
		if l.TLS != nil {
			options = append(options, grpc.Creds(credentials.NewTLS(l.TLS)))
		}
		g = s.GRPC(options...)
		go func() { failed <- g.Serve(l.GRPC) }()
	}
	go func() {
		if err := s.Load(ctx); err != nil && ctx.Err() == nil {
			failed <- err
		}
	}()
	select {
	case err := <-failed:
		web.Close()
		if g != nil {
			g.Stop()
		}
		return err
	case <-ctx.Done():
	}
	s.log.Info("stopping", "grace_seconds", grace.Seconds())
	s.Drain()
	t := time.NewTimer(grace)
	defer t.Stop()
	<-t.C
	end, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var stopping sync.WaitGroup
	if g != nil {
		stopping.Go(g.GracefulStop)
		defer context.AfterFunc(end, g.Stop)()
	}
	err := web.Shutdown(end)
	stopping.Wait()
	if errors.Is(err, context.DeadlineExceeded) {
		err = web.Close()
	}
	return err
}
