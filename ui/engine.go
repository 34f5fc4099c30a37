package ui

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// mostModels is the number of models that stay open.
const mostModels = 4

// engine has the device and the models that are open on it.
type engine struct {
	options Options

	gate sync.RWMutex // read-locked while a model or the device is in use

	mu      sync.Mutex
	offered []Choice
	repos   map[string]Choice // of Hugging Face's cache, by folder; with no name if none fits
	device  *vision.Device
	open    []*opened // the latest used last
}

// Choice is a model that can be used at once.
type Choice struct {
	Name    string `json:"name"` // for Request.Model
	Title   string `json:"title"`
	Model   string `json:"model"` // in the registry
	Task    string `json:"task"`
	Does    string `json:"does"`            // such as "names what is in a picture"
	Scale   int    `json:"scale,omitempty"` // how many times it enlarges, if that is known before it is open
	Path    string `json:"path,omitempty"`  // of the weights
	Attends bool   `json:"attends"`         // its attention can be drawn

	entry zoo.Model
}

// opened is a model that is open or being opened.
type opened struct {
	name  string
	users int
	gone  bool          // its weights are deleted: its last user closes it
	ready chan struct{} // closed when model or err is set
	model *vision.Model
	err   error
}

// choice describes a model of the registry with weights.
func choice(name, title, path string, entry zoo.Model) Choice {
	switch entry.Task { // of any size
	case zoo.Embed:
		entry = zoo.CLIP()
	case zoo.PromptMasks:
		entry = zoo.SAM()
	}
	c := Choice{Name: name, Title: title, Model: entry.Name, Task: entry.Task.String(), Does: entry.Task.Does(), Path: path, entry: entry}
	switch network := entry.New().(type) {
	case *models.ViT, *models.MAE, *models.ViTDetector, *models.Swin:
		c.Attends = true
	case interface{ Factor() int }:
		c.Scale = network.Factor()
	}
	return c
}

// offer adds a checkpoint to the choices.
func (e *engine) offer(path string) error {
	path, err := filepath.Abs(files.Unquote(path))
	if err != nil {
		return err
	}
	entry, err := zoo.Identify(path, "")
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.offered = append(e.offered, choice(path, entry.Name+" ("+filepath.Base(path)+")", path, entry))
	return nil
}

// choices lists the models that can be used at once: checkpoints that were given,
// built-in ones, and what the caches have.
func (e *engine) choices() []Choice {
	e.mu.Lock()
	all := slices.Clone(e.offered)
	e.mu.Unlock()
	for _, m := range zoo.Models() {
		if m.Weights != nil {
			all = append(all, choice(m.Name, m.Name, "", m))
			continue
		}
		if path, ok := e.find(m); ok {
			c := choice(m.Name, m.Name, path, m)
			c.Model = m.Name
			all = append(all, c)
		}
	}
	return append(all, e.repositories()...)
}

// find returns the path of a model's weights in the caches.
func (e *engine) find(m zoo.Model) (string, bool) {
	if e.options.Hub == nil {
		return "", false
	}
	for _, f := range m.Files {
		if path, ok := e.options.Hub.Find(f); ok {
			return path, true
		}
	}
	return "", false
}

// repositories lists the repositories of Hugging Face's cache that fit a model.
func (e *engine) repositories() []Choice {
	if e.options.Hub == nil {
		return nil
	}
	cached, _ := e.options.Hub.Repositories() // without a cache there are none
	var fit []Choice
	for _, r := range cached {
		for _, revision := range r.Revisions {
			folder, ok := e.options.Hub.FindRepository(r.Name, revision)
			if !ok {
				continue
			}
			e.mu.Lock()
			c, known := e.repos[folder]
			e.mu.Unlock()
			if !known {
				if entry, err := zoo.Identify(folder, ""); err == nil {
					c = choice("hf:"+r.Name, r.Name, folder, entry)
				}
				e.mu.Lock()
				if e.repos == nil {
					e.repos = map[string]Choice{}
				}
				e.repos[folder] = c
				e.mu.Unlock()
			}
			if c.Name != "" {
				fit = append(fit, c)
				break
			}
		}
	}
	return fit
}

// choose returns the choice with a name for a task, or without a name the first one.
// Task 0 means any.
func (e *engine) choose(name string, task zoo.Task) (Choice, error) {
	for _, c := range e.choices() {
		if (name == "" || c.Name == name) && (task == 0 || c.entry.Task == task) {
			return c, nil
		}
	}
	if name != "" {
		return Choice{}, missing("%s is not here: the page Models downloads it", files.Quote(name))
	}
	start, err := zoo.Start(task)
	if err != nil {
		return Choice{}, err
	}
	return Choice{}, missing("no model is here that %s: the page Models downloads one, such as %s", task.Does(), start.Name)
}

// onDevice returns the device and opens it if need be. The caller calls release.
func (e *engine) onDevice() (d *vision.Device, release func(), err error) {
	e.gate.RLock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.device == nil {
		if e.device, err = vision.OpenDevice(e.options.Device); err != nil {
			e.gate.RUnlock()
			return nil, nil, err
		}
	}
	return e.device, e.gate.RUnlock, nil
}

// use returns a model. The caller calls release.
func (e *engine) use(name string, task zoo.Task) (m *vision.Model, release func(), err error) {
	c, err := e.choose(name, task)
	if err != nil {
		return nil, nil, err
	}
	d, free, err := e.onDevice()
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	i := slices.IndexFunc(e.open, func(o *opened) bool { return o.name == c.Name })
	var o *opened
	if i >= 0 {
		o = e.open[i]
		e.open = append(slices.Delete(e.open, i, i+1), o)
	} else {
		o = &opened{name: c.Name, ready: make(chan struct{})}
		e.open = append(e.open, o)
	}
	o.users++
	e.mu.Unlock()
	if i < 0 {
		e.shrink()
		o.model, o.err = vision.OpenModel(c.entry, e.modelOptions(c, d))
		close(o.ready)
	}
	<-o.ready
	release = sync.OnceFunc(func() {
		e.mu.Lock()
		o.users--
		last := o.gone && o.users == 0
		e.mu.Unlock()
		if last && o.model != nil {
			o.model.Close()
		}
		free()
	})
	if o.err != nil {
		e.mu.Lock()
		e.open = slices.DeleteFunc(e.open, func(x *opened) bool { return x == o }) // the next one tries again
		e.mu.Unlock()
		release()
		return nil, nil, o.err
	}
	return o.model, release, nil
}

// modelOptions returns how a choice is opened.
func (e *engine) modelOptions(c Choice, d *vision.Device) vision.Options {
	o := vision.Options{Weights: c.Path, On: d, Memory: e.options.Memory, Truncate: true}
	if c.entry.Task != zoo.Embed {
		return o
	}
	if g := d.GPU(); g != nil && g.Info().Kind() == shaders.GPU {
		o.Batch = 8
	}
	if e.options.Hub != nil {
		o.Vocabulary = vocabulary(c.Path, e.options.Hub.Find)
	}
	return o
}

// vocabulary returns the path of OpenAI's vocabulary in a cache for a file of OpenAI's.
// Others have theirs beside the weights.
func vocabulary(weights string, find func(zoo.File) (string, bool)) string {
	if !strings.HasSuffix(weights, ".pt") {
		return ""
	}
	path, ok := find(zoo.CLIPVocabulary)
	if !ok {
		return ""
	}
	return path
}

// shrink closes the models that were not used for the longest time, beyond mostModels.
func (e *engine) shrink() {
	e.mu.Lock()
	var old []*opened
	for i := 0; i < len(e.open) && len(e.open) > mostModels; i++ {
		if o := e.open[i]; o.users == 0 {
			old = append(old, o)
			e.open = slices.Delete(e.open, i, i+1)
			i--
		}
	}
	e.mu.Unlock()
	for _, o := range old {
		o.model.Close()
	}
}

// forget closes a model whose weights are about to be deleted, as soon as nobody uses it.
func (e *engine) forget(name string) error {
	e.mu.Lock()
	maps.DeleteFunc(e.repos, func(_ string, c Choice) bool { return c.Name == name })
	i := slices.IndexFunc(e.open, func(o *opened) bool { return o.name == name })
	if i < 0 {
		e.mu.Unlock()
		return nil
	}
	o := e.open[i]
	e.open = slices.Delete(e.open, i, i+1)
	o.gone = true
	idle := o.users == 0
	e.mu.Unlock()
	if idle {
		return o.model.Close()
	}
	return nil
}

// change takes another device. Nothing may be in use.
func (e *engine) change(o vision.DeviceOptions) error {
	if !e.gate.TryLock() {
		return &statusError{409, "the device is in use: wait for the jobs, or cancel them"}
	}
	defer e.gate.Unlock()
	d, err := vision.OpenDevice(o)
	if err != nil {
		return err
	}
	err = e.close()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.device, e.options.Device = d, o
	return err
}

// close closes the models and the device.
func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, o := range e.open {
		errs = append(errs, o.model.Close())
	}
	if e.device != nil {
		errs = append(errs, e.device.Close())
	}
	e.open, e.device = nil, nil
	return errors.Join(errs...)
}

// describe returns the device in one line, or "" if it is not open yet.
func (e *engine) describe() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.device == nil {
		return ""
	}
	return cmp.Or(e.device.String(), "unnamed device")
}
