package ui

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/hub"
)

// Options say what a Server works with. The zero value is the fastest GPU and no model
// but the built-in ones.
type Options struct {
	Device      vision.DeviceOptions
	Hub         *hub.Hub // where models are found and downloaded; nil for neither
	Checkpoints []string // paths of checkpoints to offer beside those of Hub
	Folders     []string // opened from the start
	Memory      int64    // see vision.Options
	Version     string   // shown
	Upload      int64    // most bytes of a picture; 0 means 256 MiB
}

// Server is the page and its routes. The caller closes it after the last request.
type Server struct {
	options  Options
	token    string
	routes   http.Handler
	jobs     *jobs
	pictures *pictures
	folders  *folders
	engine   *engine
	cutouts  *cutouts
	indexes  *indexes
	watchers *watchers
	temp     string
}

// New makes a Server. The device is opened when it is first needed.
func New(o Options) (*Server, error) {
	if o.Upload == 0 {
		o.Upload = 256 << 20
	}
	secret := make([]byte, 18)
	rand.Read(secret)
	temp, err := os.MkdirTemp("", "vertebra-ui-")
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, token: base64.RawURLEncoding.EncodeToString(secret), temp: temp}
	s.jobs = newJobs(temp)
	s.watchers = &watchers{changed: make(chan struct{})}
	s.pictures = &pictures{temp: temp}
	s.folders = &folders{}
	s.engine = &engine{options: o}
	s.engine.options.Device.Compiling = s.jobs.compiling
	s.cutouts = &cutouts{engine: s.engine}
	s.indexes = &indexes{}
	for _, path := range o.Checkpoints {
		if err := s.engine.offer(path); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for _, path := range o.Folders {
		if _, err := s.folders.open(path); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.routes = s.guard(s.mux())
	return s, nil
}

// Address returns the address of the page for a server that listens on host, such as
// "127.0.0.1:8080". The token stands behind #, so browsers do not send it by themselves.
func (s *Server) Address(host string) string { return fmt.Sprintf("http://%s/#t=%s", host, s.token) }

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Stop ends all jobs and the streams of events, so that the http.Server can shut down.
func (s *Server) Stop() { s.jobs.stop() }

// Close ends all jobs, closes models and device, and removes the pictures.
func (s *Server) Close() error {
	s.jobs.stop()
	s.jobs.wait()
	err := errors.Join(s.indexes.close(), s.cutouts.close(), s.engine.close(), s.folders.close())
	return errors.Join(err, os.RemoveAll(s.temp))
}

// mux has the routes of the package comment.
func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	for pattern, answer := range map[string]func(http.ResponseWriter, *http.Request) (any, error){
		"GET /api/state":                  s.state,
		"POST /api/pictures":              s.takePicture,
		"POST /api/pictures/open":         s.openPicture,
		"POST /api/jobs":                  s.startJob,
		"GET /api/jobs":                   s.listJobs,
		"GET /api/jobs/{id}":              s.oneJob,
		"POST /api/jobs/{id}/cancel":      s.cancelJob,
		"DELETE /api/jobs/{id}":           s.forgetJob,
		"POST /api/masks":                 s.masks,
		"GET /api/browse":                 s.browse,
		"GET /api/folders":                s.listFolders,
		"POST /api/folders":               s.openFolder,
		"DELETE /api/folders/{id}":        s.closeFolder,
		"POST /api/search":                s.search,
		"GET /api/models":                 s.models,
		"DELETE /api/models/{name}":       s.removeModel,
		"GET /api/repository":             s.repository,
		"GET /api/devices":                s.devices,
		"PUT /api/device":                 s.chooseDevice,
		"GET /api/events":                 s.events,
		"GET /api/pictures/{id}":          s.viewPicture,
		"GET /api/jobs/{id}/files/{name}": s.jobFile,
		"POST /api/cutout":                s.cutout,
		"GET /api/folders/{id}/picture":   s.thumbnail,
	} {
		m.HandleFunc(pattern, answered(answer))
	}
	m.HandleFunc("/api/", answered(func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, missing("no route %s %s", r.Method, r.URL.Path)
	}))
	m.Handle("/", assets())
	return m
}
