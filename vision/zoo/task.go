package zoo

import (
	"fmt"
	"strings"
)

// Task is what a model does. The zero Task is invalid.
type Task uint8

// The tasks, with the main output of a model.
const (
	Classify     Task = 1 + iota // [B, classes]
	Segment                      // [B, H, W, classes]
	Detect                       // see models.ViTDetector
	SuperResolve                 // [B, H·scale, W·scale, C]
	Reconstruct                  // see models.MAE, with a decoder
	Embed                        // [B, embedding], see models.CLIP
	PromptMasks                  // see models.SAM
	Features                     // tokens [B, N, C]
)

// tasks gives each Task its name, what a model for it does, and models to start with,
// small ones first.
var tasks = [...]struct {
	name, does string
	start      []string
}{
	Classify:     {"classification", "names what is in a picture", []string{"resnet18", "resnet50_v2", "vit_b_16"}},
	Segment:      {"segmentation", "finds which pixels are what", []string{"unet", "unetpp", "unet_v2"}},
	Detect:       {"detection", "finds objects and their boxes", []string{"vit_b_16_det"}},
	SuperResolve: {"super-resolution", "enlarges pictures", []string{"espcn_x2", "espcn_x3", "realesr_general_x4v3"}},
	Reconstruct:  {"reconstruction", "paints the hidden parts of a picture", []string{"mae_vit_base_patch16", "mae_vit_large_patch16"}},
	Embed:        {"embedding", "turns pictures and texts into vectors to compare", []string{"clip_vit_b32", "clip_vit_b16", "clip_vit_l14"}},
	PromptMasks:  {"promptable-masks", "cuts out what a click or a box points at", []string{"sam_vit_b", "sam_vit_l", "sam_vit_h"}},
	Features:     {"features", "gives features of a picture and no more", []string{"mae_vit_base_patch16_encoder", "mae_vit_large_patch16_encoder"}},
}

// Tasks lists all tasks.
func Tasks() []Task {
	var all []Task
	for t := Classify; t.known(); t++ {
		all = append(all, t)
	}
	return all
}

func (t Task) known() bool { return t > 0 && int(t) < len(tasks) }

// String returns the task's name, such as "classification".
func (t Task) String() string {
	if !t.known() {
		return fmt.Sprintf("task(%d)", uint8(t))
	}
	return tasks[t].name
}

// Does says what a model for the task does, such as "names what is in a picture".
func (t Task) Does() string {
	if !t.known() {
		return "does nothing known"
	}
	return tasks[t].does
}

// ParseTask returns the task with a name, as String gives it.
func ParseTask(name string) (Task, error) {
	var names []string
	for _, t := range Tasks() {
		if t.String() == name {
			return t, nil
		}
		names = append(names, t.String())
	}
	return 0, fmt.Errorf("no task %q; the tasks are %s", name, strings.Join(names, ", "))
}

// ModelsFor lists the models for a task, in alphabetical order.
func ModelsFor(t Task) []Model {
	var all []Model
	for _, m := range registry {
		if m.Task == t {
			all = append(all, m)
		}
	}
	return all
}

// Start returns the model to start with for a task: a small one that is widely used.
func Start(t Task) (Model, error) {
	if !t.known() {
		return Model{}, fmt.Errorf("no model for %v", t)
	}
	return Lookup(tasks[t].start[0])
}

// For returns nil if m is a model for the task. Otherwise the error says what m does,
// and which models to use instead.
func (m Model) For(t Task) error {
	if m.Task == t {
		return nil
	}
	if !t.known() {
		return fmt.Errorf("%s: it %s; no model is for %v", m.Name, m.Task.Does(), t)
	}
	more := ""
	if len(ModelsFor(t)) > len(tasks[t].start) {
		more = ", …"
	}
	return fmt.Errorf("%s: it %s; for %v see %s%s", m.Name, m.Task.Does(), t, strings.Join(tasks[t].start, ", "), more)
}
