package zoo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// wants says, for tasks that do not take any output, which one they want.
var wants = map[Task]string{
	Classify:     "numbers [N, classes]",
	Embed:        "vectors [N, length]",
	Segment:      "scores [N, classes, H, W], or a mask [N, H, W]",
	SuperResolve: "pictures [N, C, r·H, r·W] with an integer r",
}

// fits reports whether an output for pictures x [B, H, W, C] is what a task wants.
func (o ONNXOutput) fits(t Task, x tensor.Shape) bool {
	s := o.Seen
	switch t {
	case Classify, Embed:
		if len(s) < 2 || s[0] != x[0] {
			return false
		}
		wide := 0
		for _, d := range s[1:] {
			if d > 1 {
				wide++
			}
		}
		return wide == 1 && !o.Counted
	case Segment:
		return (len(s) == 4 && s[3] <= 255 || len(s) == 3) && s[0] == x[0] && s[1] > 1 && s[2] > 1 && s[1] <= x[1] && s[2] <= x[2]
	case SuperResolve:
		return o.Scale(x) > 0
	case Reconstruct, PromptMasks:
		return false
	}
	return true
}

// Scale returns how many times the output is larger than pictures x [B, H, W, C]; 0 if it
// is no picture, or not an integer number of times.
func (o ONNXOutput) Scale(x tensor.Shape) int {
	s := o.Seen
	if len(s) != 4 || s[0] != x[0] || s[3] != x[3] || s[1] < x[1] || s[1]%x[1] != 0 || s[2] != s[1]/x[1]*x[2] {
		return 0
	}
	return s[1] / x[1]
}

// Classes reports whether the output holds numbers of classes instead of scores.
func (o ONNXOutput) Classes() bool { return o.Type.Integer() && o.Type != onnx.Bool }

// roles are the keys of ModelFile.Outputs for the main output of a task.
var roles = map[Task]string{Classify: "scores", Embed: "vector", Segment: "scores", SuperResolve: "picture"}

// checkRoles returns an error if keys of outputs in model.json are none of those of the
// task, nor of the task that model.json is for. Decoders check those of a detection.
func (n *ONNX) checkRoles(t Task) error {
	if n.Said == nil {
		return nil
	}
	said, _ := ParseTask(n.Said.Task) // ReadModelFile has checked it
	if said == 0 && (t == Features || t == 0 && n.Said.Decode != nil) || t == Detect || said == Detect {
		return nil
	}
	var known, odd []string
	for task, role := range roles {
		if (t == task || said == task || t == 0 || said == Features) && !slices.Contains(known, role) {
			known = append(known, role)
		}
	}
	slices.Sort(known)
	for _, role := range slices.Sorted(maps.Keys(n.Outlets)) {
		if !slices.Contains(known, role) {
			odd = append(odd, files.Quote(role))
		}
	}
	if len(odd) == 0 {
		return nil
	}
	return fmt.Errorf("outputs: nothing is called %s; there is %s", strings.Join(odd, ", "), cmp.Or(strings.Join(known, ", "), "none for this task"))
}

// choose sets the main output for a task. If no task is said, it is what the shapes of the
// outputs look like.
func (n *ONNX) choose(t Task) (Task, error) {
	x := n.Usual()
	all, err := n.Describe(x)
	if err != nil {
		return 0, err
	}
	if err := n.checkRoles(t); err != nil {
		return 0, err
	}
	for _, role := range slices.Sorted(maps.Keys(n.Outlets)) {
		name := n.Outlets[role]
		at := -1
		for i, o := range all {
			if o.Name == name {
				at = i
			}
		}
		if at < 0 {
			return 0, fmt.Errorf("outputs: no output %s; there are %s", files.Quote(name), n.list(all))
		}
		if role == roles[t] {
			n.main = at
			if !all[at].fits(t, x) {
				return 0, fmt.Errorf("output %s is %v for a picture %v, and %v wants %s", files.Quote(name), all[at].Shape, x, t, wants[t])
			}
			return t, nil
		}
	}
	try := []Task{t}
	if t == 0 {
		try = []Task{SuperResolve, Segment, Classify, Features}
	}
	for _, t := range try {
		for i, o := range all {
			if o.fits(t, x) {
				n.main = i
				return t, nil
			}
		}
	}
	if wants[t] == "" {
		return 0, fmt.Errorf("an ONNX file is not for %v", t)
	}
	return 0, fmt.Errorf("no output is for %v, which wants %s; for a picture %v there are %s", t, wants[t], x, n.list(all))
}

func (n *ONNX) list(all []ONNXOutput) string {
	var texts []string
	for _, o := range all {
		texts = append(texts, fmt.Sprintf("%s %v", files.Quote(o.Name), o.Shape))
	}
	return strings.Join(texts, ", ")
}

// named returns an error if names are not as many as the classes of the main output, as it
// is for a task. A mask has two classes. Numbers of classes do not tell how many there are.
func (n *ONNX) named(t Task, names []string) error {
	if names == nil || t != Classify && t != Segment {
		return nil
	}
	form, err := n.Main(n.Usual())
	if err != nil || len(form.Seen) == 0 {
		return err
	}
	classes := form.Seen[1:].Len()
	if t == Segment {
		if classes = 2; len(form.Seen) == 4 {
			classes = max(classes, form.Seen[3])
		}
		if form.Classes() && (len(form.Seen) == 3 || form.Seen[3] == 1) {
			return nil
		}
	}
	if len(names) != classes {
		return fmt.Errorf("%d labels for the %d classes of output %s, which is %v", len(names), classes, files.Quote(form.Name), form.Shape)
	}
	return nil
}

// suits returns nil if the network is for a task as it was opened.
func (n *ONNX) suits(t, opened Task, said bool) error {
	x := n.Usual()
	all, err := n.Describe(x)
	if err != nil || t == opened || t == Features {
		return err
	}
	if said {
		return fmt.Errorf("%s: it was opened for %v, and does not do %v", files.Quote(n.Path), opened, t)
	}
	if !all[n.main].fits(t, x) {
		return fmt.Errorf("%s: output %s is %v, and %v wants %s", files.Quote(n.Path), files.Quote(all[n.main].Name), all[n.main].Shape, t, wants[t])
	}
	return nil
}
