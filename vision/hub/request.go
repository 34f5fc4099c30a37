package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// request makes a request. The token goes to the Endpoint alone.
func (h *Hub) request(ctx context.Context, method, address string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("User-Agent", "vertebra")
	if h.Token != "" && h.ours(r.URL) {
		r.Header.Set("Authorization", "Bearer "+h.Token)
	}
	return r, nil
}

// ours reports whether an address is on the Endpoint.
func (h *Hub) ours(u *url.URL) bool {
	end, err := url.Parse(h.Endpoint)
	return err == nil && u.Scheme == end.Scheme && u.Host == end.Host
}

// client returns the client with a rule for redirections: none takes the token to another
// host, and none leaves HTTPS.
func (h *Hub) client() *http.Client {
	c := http.Client{}
	if h.Client != nil {
		c = *h.Client
	}
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return fatal{errors.New("more than 10 redirections")}
		}
		if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return fatal{fmt.Errorf("redirected from HTTPS to %s", r.URL.Redacted())}
		}
		if !h.ours(r.URL) {
			r.Header.Del("Authorization")
		}
		return nil
	}
	return &c
}

func (h *Hub) patience() time.Duration {
	if h.Patience > 0 {
		return h.Patience
	}
	return 30 * time.Second
}
