package queue

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// EngineOptions say how an engine listens. The zero value is for this computer alone.
type EngineOptions struct {
	Listen string      // address and port; empty means a free port of this computer
	Token  string      // that clients have to bring; empty means a random one
	TLS    *tls.Config // nil means none
}

// Engine is a NATS server in this process. Its queue is in a temporary folder, because the
// files of results are all that counts. If the process is killed, the next engine of this
// computer removes the folder.
type Engine struct {
	Access
	Local     Access // for other processes of this computer
	TokenFile string // with the token; only this user's processes can read it

	server *server.Server
	folder string
	lock   *flock.Flock // of the folder
	door   net.Listener // of Local with TLS
}

// StartEngine starts an engine. The caller closes it.
func StartEngine(o EngineOptions) (*Engine, error) {
	host, port := "127.0.0.1", server.RANDOM_PORT
	if o.Listen != "" {
		h, p, err := net.SplitHostPort(o.Listen)
		if err != nil {
			return nil, err
		}
		if host = h; host == "" {
			host = "0.0.0.0"
		}
		if port, err = strconv.Atoi(p); err != nil || port < 0 || port > 1<<16-1 {
			return nil, fmt.Errorf("%s: port %q, want a number to %d", o.Listen, p, 1<<16-1)
		}
		if port == 0 {
			port = server.RANDOM_PORT
		}
	}
	if o.Token == "" {
		random := make([]byte, 16)
		rand.Read(random)
		o.Token = hex.EncodeToString(random)
	}
	folder, lock, err := newFolder()
	if err != nil {
		return nil, err
	}
	e := &Engine{TokenFile: filepath.Join(folder, "token"), folder: folder, lock: lock}
	if err := os.WriteFile(e.TokenFile, []byte(o.Token), 0o600); err != nil {
		return nil, errors.Join(err, e.remove())
	}
	s, err := server.NewServer(&server.Options{
		Host: host, Port: port, Authorization: o.Token, TLSConfig: o.TLS, TLS: o.TLS != nil,
		JetStream: true, StoreDir: folder, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, errors.Join(err, e.remove())
	}
	e.server = s
	s.Start()
	const patience = time.Minute
	if !s.ReadyForConnections(patience) {
		return nil, errors.Join(fmt.Errorf("the engine does not listen on %s", net.JoinHostPort(host, strconv.Itoa(max(port, 0)))), e.Close())
	}
	e.Local = Access{URL: s.ClientURL(), Token: o.Token}
	e.Access = e.Local
	e.Access.inside = s
	if o.TLS != nil {
		if err := e.openDoor(); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

// openDoor lets processes of this computer in without TLS, because a certificate names the
// computer as others see it.
func (e *Engine) openDoor() error {
	var err error
	if e.door, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	e.Local.URL = "nats://" + e.door.Addr().String()
	go func() {
		for {
			c, err := e.door.Accept()
			if err != nil {
				return
			}
			inside, err := e.server.InProcessConn()
			if err != nil {
				c.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				io.Copy(to, from)
				to.Close()
				from.Close()
			}
			go pass(c, inside)
			go pass(inside, c)
		}
	}()
	return nil
}

// Close stops the engine and removes its queue. Clients that are connected get what has
// been sent to them; Close waits a moment for them to go.
func (e *Engine) Close() error {
	if e.server == nil {
		return nil
	}
	for end := time.Now().Add(time.Second); e.server.NumClients() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if e.door != nil {
		e.door.Close()
	}
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.server = nil
	return e.remove()
}

// remove removes the folder.
func (e *Engine) remove() error { return errors.Join(e.lock.Unlock(), os.RemoveAll(e.folder)) }
