package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func open(t *testing.T) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestPeak(t *testing.T) {
	d := open(t)
	p, err := MeasurePeak(context.Background(), d)
	if err != nil || !(p.GFLOPS >= p.GFLOPSMedian && p.GFLOPSMedian >= p.GFLOPSLeast && p.GFLOPSLeast > 0) ||
		!(p.GBS >= p.GBSMedian && p.GBSMedian >= p.GBSLeast && p.GBSLeast > 0) {
		t.Errorf("%+v, %v", p, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := MeasurePeak(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestShapes(t *testing.T) {
	shapes, err := Shapes()
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]int{}
	for _, s := range shapes {
		w, err := s.work()
		if err != nil {
			t.Fatal(err)
		}
		if w.graph.Inputs[0].Shape.Len() != len(w.input.Data) {
			t.Errorf("%s: input of %d elements", s.Name, len(w.input.Data))
		}
		uses[s.Op] += s.Count
	}
	if uses["conv2d"] != 53 || uses["linear"] != 50 {
		t.Errorf("uses %v, want 53 convolutions and 50 linear layers", uses)
	}
}

// written writes a reference file with one op, in PyTorch's layouts.
func written(t *testing.T, op graph.Op, x, w, b *tensor.Tensor) string {
	t.Helper()
	nhwc := x
	if len(x.Shape) == 4 {
		nhwc = x.ToNHWC()
	}
	y := op.Eval([]*tensor.Tensor{nhwc, w, b})
	if len(y.Shape) == 4 {
		y = y.ToNCHW()
	}
	path := filepath.Join(t.TempDir(), "data.safetensors")
	for name, to := range map[string]*tensor.Tensor{"input/x": x, "weight/weight": w, "weight/bias": b, "output/y": y} {
		to.Name = name
	}
	if err := weights.WriteSafetensors(path, nil, x, w, b, y); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOp measures small ops with known results, with every program.
func TestOp(t *testing.T) {
	d := open(t)
	bias := graph.Epilogue{Bias: true}
	for _, s := range []Shape{
		{Name: "conv", Op: "conv2d", H: 9, W: 7, Cin: 8, Cout: 12, Kernel: graph.Both(3), Pad: graph.Both(1), Groups: 4, Bias: true,
			Data: written(t, graph.Conv2d{Pad: graph.Both(1), Groups: 4, Epilogue: bias}, RandomInput(1, 8, 9, 7), RandomInput(12, 2, 3, 3), RandomInput(12))},
		{Name: "linear", Op: "linear", M: 5, K: 7, N: 11, Bias: true,
			Data: written(t, graph.Linear{Epilogue: bias}, RandomInput(5, 7), RandomInput(11, 7), RandomInput(11))},
	} {
		all := s.Op == "conv2d" // whose programs are few: a software driver compiles some for seconds
		results, err := Op(context.Background(), d, s, OpOptions{Runs: 2, All: all, Kernel: true, Peak: &Peak{GFLOPS: 1, GBS: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) < 2 == all {
			t.Errorf("%s: %d programs", s.Name, len(results))
		}
		if results[0].ToDefault != 1 {
			t.Errorf("%s: the default takes %g of its own time", s.Name, results[0].ToDefault)
		}
		for _, r := range results {
			if r.MaxAbsDiff == nil || *r.MaxAbsDiff > 1e-4 || r.Program == "" || r.Least <= 0 || r.Median < r.Least || r.FirstRun <= 0 ||
				r.Kernel <= 0 || r.FLOPs <= 0 || r.ShareFLOPS != r.GFLOPS || r.ShareCopy != r.GBS || r.ToDefault <= 0 {
				t.Errorf("%+v", r)
			}
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
		}
	}
	s := Shape{Name: "wrong", Op: "linear", M: 5, K: 9, N: 12, Data: written(t, graph.Linear{Epilogue: bias}, RandomInput(5, 8), RandomInput(12, 8), RandomInput(12))}
	if _, err := Op(context.Background(), d, s, OpOptions{}); err == nil {
		t.Error("data of another shape was taken")
	}
}

func TestModel(t *testing.T) {
	m := models.NewESPCN(models.ESPCNConfig{Scale: 2})
	weights.Random(m, 1)
	o := ModelOptions{Name: "espcn_x2", Model: m, Input: RandomInput(1, 9, 11, 1), Runs: 2, Start: time.Now(), Layers: ByDispatch}
	d := open(t)
	r, err := Model(context.Background(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.FirstOutput <= 0 || r.Least == nil || *r.Least <= 0 || r.Dispatches != len(r.Layers) || r.Pipelines < 1 || r.WeightBytes < 1 || r.ActivationBytes < r.ActivationBound || r.ActivationBound < 1 {
		t.Errorf("%+v", r)
	}
	o.Layers = ByLayer
	if r, err = Model(context.Background(), d, o); err != nil {
		t.Fatal(err)
	}
	dispatches, flops := 0, int64(0)
	for _, l := range r.Layers {
		dispatches += l.Dispatches
		flops += l.FLOPs
		if strings.HasPrefix(l.Op, "conv2d") && l.FLOPs == 0 {
			t.Errorf("no operations in %+v", l)
		}
	}
	if dispatches != r.Dispatches || flops > r.FLOPs {
		t.Errorf("layers of %d dispatches and %d operations in all; %+v", dispatches, flops, r)
	}
	first := false
	o.Runs, o.First = 0, func() { first = true }
	if r, err = Model(context.Background(), nil, o); err != nil || !first || r.Median != nil || r.Layers != nil {
		t.Errorf("without a GPU: %+v, %v", r, err)
	}
}

func TestReadData(t *testing.T) {
	m := models.NewESPCN(models.ESPCNConfig{Scale: 4})
	x, y, err := ReadData("../golden/testdata/espcn_x4.safetensors", m)
	if err != nil || !x.Shape.Equal(tensor.Shape{2, 11, 9, 1}) || !y.Shape.Equal(tensor.Shape{2, 44, 36, 1}) || m.Conv1.Weight.Data == nil {
		t.Errorf("%v, %v, %v", x, y, err)
	}
	if _, _, err := ReadData("../golden/testdata/espcn_x4.safetensors", models.NewESPCN(models.ESPCNConfig{Scale: 3})); err == nil {
		t.Error("weights of another scale were taken")
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("no"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadData(bad, m); err == nil {
		t.Error("a broken file was taken")
	}
}
