package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Supervise runs a worker as a process of its own until ctx ends, because a unit may kill
// it. A worker that is killed is started again, unless that happens often while done, the
// number of units that the job has done, stays the same. A worker that ends by itself with
// an error is not. command makes the process; it has to end when its standard input does.
func Supervise(ctx context.Context, command func() *exec.Cmd, done func() int) error {
	deaths, before := 0, done()
	for ctx.Err() == nil {
		c := command()
		err := supervised(ctx, c)
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil || err == nil:
			return nil
		case !errors.As(err, &exit):
			return fmt.Errorf("a worker of this computer: %w", err)
		case exit.ExitCode() == 1:
			return errors.New("the worker of this computer has ended; its error is above")
		}
		if now := done(); now > before {
			deaths, before = 0, now
		}
		if deaths++; deaths > 2*Deliveries {
			return fmt.Errorf("a worker of this computer was killed %d times, and no unit was done: %w", deaths, err)
		}
	}
	return nil
}

// supervised runs a process. When ctx ends, the process gets time to end by itself.
func supervised(ctx context.Context, c *exec.Cmd) error {
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return errors.Join(err, in.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	in.Close()
	const patience = time.Second
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-ended:
		return err
	case <-t.C:
		c.Process.Kill()
		return <-ended
	}
}

// UntilClosed returns a context that ends when in does, as that of a process whose
// Supervise has ended.
func UntilClosed(ctx context.Context, in io.Reader) context.Context {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, in)
		stop()
	}()
	return ctx
}
