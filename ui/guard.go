package ui

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// policy lets the page load scripts, styles and pictures from its own server only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses requests that do not come from a page of this server or a program that
// knows the token.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case !ownHost(r):
			writeError(w, &statusError{http.StatusMisdirectedRequest, "this server is only for this machine, by its address 127.0.0.1"})
		case r.Header.Get("Origin") != "" && r.Header.Get("Origin") != "http://"+r.Host:
			writeError(w, &statusError{http.StatusForbidden, "requests of other pages are refused"})
		case !strings.HasPrefix(r.URL.Path, "/api/"):
			next.ServeHTTP(w, r)
		case !sameSite(r.Header.Get("Sec-Fetch-Site")):
			writeError(w, &statusError{http.StatusForbidden, "requests of other pages are refused"})
		case !s.knows(r):
			writeError(w, &statusError{http.StatusUnauthorized, "the token is missing or of an earlier start: open the address that vertebra ui printed"})
		default:
			h.Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r)
		}
	})
}

// ownHost reports whether the request came over loopback and names it. The name of
// another site, even if it resolves to this machine, is not the server's own.
func ownHost(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return false
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.Trim(r.Host, "[]"), "80"
	}
	if number, err := net.LookupPort("tcp", port); err != nil || number != local.Port {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// sameSite judges the header Sec-Fetch-Site, which programs that are no browsers lack.
func sameSite(header string) bool { return header == "" || header == "same-origin" || header == "none" }

// knows reports whether the request has the token.
func (s *Server) knows(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		given = r.URL.Query().Get("token")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}
