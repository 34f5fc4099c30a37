package queue

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
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
	urls, shown, err := servers(a.URL)
	if err != nil {
		return nil, err
	}
	o := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
	}
	switch {
	case a.inside != nil:
		urls = nats.DefaultURL // that of the engine may ask for TLS
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
		c, err := nats.Connect(urls, o...)
		if err == nil {
			s, err := jetstream.New(c)
			if err != nil {
				c.Close()
				return nil, err
			}
			return &connection{c, s}, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || time.Since(start) > patience {
			return nil, fmt.Errorf("%s: %s", shown, strings.TrimPrefix(err.Error(), "nats: "))
		}
	}
}

// String returns the URLs without the tokens in them.
func (a Access) String() string {
	_, shown, err := servers(a.URL)
	if err != nil {
		return err.Error()
	}
	return shown
}

// servers parses URLs that are separated by commas. shown is without the tokens in them,
// and so is the error.
func servers(urls string) (all, shown string, err error) {
	var full, plain []string
	for one := range strings.SplitSeq(urls, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		scheme, rest, ok := strings.Cut(one, "://")
		if !ok {
			scheme, rest = "nats", one
		}
		rest = strings.TrimSuffix(rest, "/")
		place := strings.ToLower(scheme) + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
		if err := checkServer(place); err != nil {
			return "", "", fmt.Errorf("%s: %w, want a URL such as nats://desk:4222", place, err)
		}
		whole := strings.ToLower(scheme) + "://" + rest
		if u, err := url.Parse(whole); err != nil || u.Scheme+"://"+u.Host != place {
			return "", "", fmt.Errorf("%s: the token before it has characters that a URL has not; --token-file takes any", place)
		}
		full, plain = append(full, whole), append(plain, place)
	}
	if len(full) == 0 {
		return "", "", errors.New("no URL, want one such as nats://desk:4222")
	}
	return strings.Join(full, ","), strings.Join(plain, ","), nil
}

// checkServer checks a URL that has no token.
func checkServer(place string) error {
	u, err := url.Parse(place)
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	if err != nil {
		return err
	}
	if u.Hostname() == "" {
		return errors.New("no host")
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "4222"), 10, 16); err != nil {
		return fmt.Errorf("port %s, want a number to %d", u.Port(), 1<<16-1)
	}
	if place != u.Scheme+"://"+u.Host {
		return errors.New("more than a host and a port")
	}
	return nil
}

// subjects are the names of a job in the engine. Units are in a stream. The other subjects
// are for those who listen at the moment.
type subjects struct {
	stream string
	units  string // a unit is to do
	done   string // a batch.Report
	dead   string // a Letter
	state  string // a request, which the coordinator answers that has the queue
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
	In    string        `json:"in"`    // where relative paths of pictures begin; empty means the job's
	Lease time.Duration `json:"lease"` // a worker that is silent for so long has lost its unit
}

// task is a message that a unit is to do.
type task struct {
	Unit int    `json:"unit"`
	Run  string `json:"run"` // of the coordinator
}
