package zoo

import (
	"testing"

	"github.com/vertebra/vertebra/models"
)

// does reports whether a network's results are what a task needs.
func does(m models.Network, e Model) bool {
	mae, isMAE := m.(*models.MAE)
	switch e.Task {
	case Detect:
		_, ok := m.(*models.ViTDetector)
		return ok
	case Embed:
		_, ok := m.(*models.CLIP)
		return ok
	case PromptMasks:
		_, ok := m.(*models.SAM)
		return ok
	case Reconstruct:
		return isMAE && mae.DecoderPred != nil
	case Features:
		return isMAE && mae.DecoderPred == nil
	}
	g, err := models.TraceForward(m, 1, e.Size, e.Size, e.Channels)
	if err != nil {
		return false
	}
	y := g.Outputs[0].Value.Shape
	switch e.Task {
	case Classify:
		_, embeds := m.(*models.CLIP)
		return len(y) == 2 && !embeds
	case Segment:
		return len(y) == 4 && !isMAE && y[1] <= e.Size && y[1] > e.Size/2
	case SuperResolve:
		return len(y) == 4 && y[1] > e.Size && y[3] == e.Channels
	}
	return false
}

// TestTasks checks that each model does its task and no other task.
func TestTasks(t *testing.T) {
	for _, e := range Models() {
		m := e.New()
		for _, task := range Tasks() {
			e, own := e, e.Task == task
			e.Task = task
			if does(m, e) != own {
				t.Errorf("%s: it is for %v: %v, its network: %v", e.Name, task, own, !own)
			}
		}
	}
}

// TestTaskNames checks the names and descriptions of tasks, and the models to start with.
func TestTaskNames(t *testing.T) {
	for _, task := range Tasks() {
		if again, err := ParseTask(task.String()); err != nil || again != task {
			t.Errorf("%v: %v, %v", task, again, err)
		}
		if task.Does() == "" || len(task.String()) > 16 {
			t.Errorf("%v %s", task, task.Does())
		}
		for _, name := range tasks[task].start {
			if e, err := Lookup(name); err != nil || e.Task != task {
				t.Errorf("%s is for %v, not for %v: %v", name, e.Task, task, err)
			}
		}
		if e, err := Start(task); err != nil || e.Name != tasks[task].start[0] {
			t.Errorf("%v: %v, %v", task, e.Name, err)
		}
	}
	if _, err := ParseTask("cooking"); err == nil || err.Error() != `no task "cooking"; the tasks are classification, segmentation, detection, super-resolution, reconstruction, embedding, promptable-masks, features` {
		t.Error(err)
	}
	if _, err := Start(0); err == nil {
		t.Error("a model for nothing")
	}
}

func TestFor(t *testing.T) {
	for _, c := range []struct {
		name string
		task Task
		want string
	}{
		{"resnet50", Segment, "resnet50: it names what is in a picture; for segmentation see unet, unetpp, unet_v2, …"},
		{"lenet", Detect, "lenet: it names what is in a picture; for detection see vit_b_16_det"},
		{"clip_vit_b32", Classify, "clip_vit_b32: it turns pictures and texts into vectors to compare; for classification see resnet18, resnet50_v2, vit_b_16, …"},
	} {
		e, err := Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.For(c.task); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if err := e.For(e.Task); err != nil {
			t.Error(err)
		}
		if err := e.For(0); err == nil {
			t.Errorf("%s is for nothing", e.Name)
		}
	}
	if n := len(ModelsFor(SuperResolve)); n != 6 {
		t.Errorf("%d models enlarge, want 6", n)
	}
}
