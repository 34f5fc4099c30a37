package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Access says where an engine is and how a client may use it.
type Access struct {
	URL         string // or several, separated by commas
	Token       string
	Credentials string      // path of a file of NATS with a user's credentials
	TLS         *tls.Config // nil means as the URL says

	inside nats.InProcessConnProvider // the engine, if it is in this process
}

// connection is a client of an engine. It reconnects by itself.
type connection struct {
	*nats.Conn
	stream jetstream.JetStream
}

// connect connects to an engine. Of a cluster, one server suffices. It tries again for the
// time of patience.
func (a Access) connect(name string, patience time.Duration) (*connection, error) {
	url := a.URL
	o := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
	}
	switch {
	case a.inside != nil:
		url = nats.DefaultURL // that of the engine may ask for TLS
		o = append(o, nats.InProcessServer(a.inside))
	case a.TLS != nil:
		o = append(o, nats.Secure(a.TLS))
	}
	if a.Token != "" {
		o = append(o, nats.Token(a.Token))
	}
	if a.Credentials != "" {
		o = append(o, nats.UserCredentials(a.Credentials))
	}
	for start := time.Now(); ; time.Sleep(pause) {
		c, err := nats.Connect(url, o...)
		if err == nil {
			s, err := jetstream.New(c)
			if err != nil {
				c.Close()
				return nil, err
			}
			return &connection{c, s}, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || time.Since(start) > patience {
			return nil, fmt.Errorf("%s: %s", withoutSecret(a.URL), strings.TrimPrefix(err.Error(), "nats: "))
		}
	}
}

// withoutSecret returns URLs without the token in them.
func withoutSecret(urls string) string {
	all := strings.Split(urls, ",")
	for i, u := range all {
		scheme, rest, ok := strings.Cut(u, "://")
		if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
			all[i] = scheme + "://" + rest[at+1:]
		}
	}
	return strings.Join(all, ",")
}

// subjects are the names of a job in the engine. Units are in a stream. The other subjects
// are for those who listen at the moment.
type subjects struct {
	stream string
	units  string // a unit is to do
	done   string // a batch.Report
	dead   string // a Letter
	state  string // a request, which the coordinator answers
	end    string // the job has ended
}

func subjectsOf(job string) subjects {
	base := "vertebra." + job
	return subjects{"vertebra-" + job, base + ".unit", base + ".done", base + ".dead", base + ".state", base + ".end"}
}

const (
	// announce is the subject of the request for an Announcement.
	announce = "vertebra.jobs"

	// consumer is the name of what all workers of a job share.
	consumer = "workers"
)

// Announcement says where a job is.
type Announcement struct {
	Job   string        `json:"job"`
	Out   string        `json:"out"`
	Lease time.Duration `json:"lease"` // a worker that is silent for so long has lost its unit
}

// task is a message that a unit is to do.
type task struct {
	Unit int    `json:"unit"`
	Run  string `json:"run"` // of the coordinator
}
