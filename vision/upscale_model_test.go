package vision

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// saved writes the weights of a network to a file.
func saved(t *testing.T, m models.Network) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened opens a model and closes it when the test ends.
func opened(t *testing.T, m zoo.Model, o Options) *Model {
	t.Helper()
	model, err := OpenModel(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// upscaled returns the picture that Upscale writes.
func upscaled(t *testing.T, m *Model, in Input) (Enlargement, image.Image) {
	t.Helper()
	var b bytes.Buffer
	calls := 0
	e, err := m.Upscale(context.Background(), UpscaleOptions{Progress: func(done, total int) { calls++ }}, in, &b)
	if err != nil {
		t.Fatal(err)
	}
	if e.Tiles != calls || e.First <= 0 || (e.Rest > 0) != (e.Tiles > 1) || e.Width*e.Height == 0 {
		t.Errorf("%d tiles of %+v", calls, e)
	}
	out, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return e, out
}

// TestUpscale enlarges a picture with transparency by a model's name, and another by
// a file whose scale and channels are found from its weights.
func TestUpscale(t *testing.T) {
	m, alpha := pattern(23, 17, 3), pattern(23, 17, 1)
	see := image.NewNRGBA(image.Rect(0, 0, 23, 17))
	for i := range alpha.Pix {
		copy(see.Pix[4*i:], m.Pix[3*i:3*i+3])
		see.Pix[4*i+3] = alpha.Pix[i]
	}
	var file bytes.Buffer
	if err := png.Encode(&file, see); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in.png")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	own := opened(t, zoo.ESPCN(2), Options{Device: "cpu"})
	want := enlarge(t, Upscaler{Scale: 2, Run: evaluated(t, 2)}, m, alpha)
	for _, in := range []Input{Image("in", see), File(path), Reader("in", &file)} {
		_, got := upscaled(t, own, in)
		same(t, got, want)
	}
	opaque := Input{Name: "in", Read: func() (*picture.Image, error) { return m, nil }}
	if _, got := upscaled(t, own, opaque); !got.(interface{ Opaque() bool }).Opaque() {
		t.Error("an opaque picture has become transparent")
	}

	net := wideESPCN()
	rgb := opened(t, zoo.ESPCN(0), Options{Device: "cpu", Weights: saved(t, net), Configure: func(n models.Network) error {
		n.(*models.ESPCN).Act = graph.ReLU
		return nil
	}})
	if is, err := zoo.Identify(rgb.Checkpoint, ""); err != nil || is.Name != "espcn" || rgb.Channels != 3 {
		t.Errorf("of %d channels, is of %q, %v", rgb.Channels, is.Name, err)
	}
	e, got := upscaled(t, rgb, Image("in", m.Image()))
	if e.Scale != 2 || e.Width != 23 || e.Height != 17 || e.Name != "in" {
		t.Errorf("%+v", e)
	}
	same(t, got, enlarge(t, Upscaler{Scale: 2, Channels: 3, Halo: 5, Run: evaluate(net)}, m, nil))
}

// TestTilesOnDevice compares tiles with the whole picture on the device. A kernel's
// order of additions depends on the place, but not for tiles on its grid.
func TestTilesOnDevice(t *testing.T) {
	m, err := picture.Load("../cmd/vertebra/photo/cat.png")
	if err != nil {
		t.Fatal(err)
	}
	model := opened(t, zoo.ESPCN(3), Options{})
	var results []*picture.Image
	for _, tile := range [][2]int{{m.Height, m.Width}, {64, 86}} {
		u := Upscaler{Scale: 3, Tile: tile, Run: func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
			out, err := model.Run(ctx, y)
			if err != nil {
				return nil, err
			}
			return out[0], nil
		}}
		results = append(results, picture.From(enlarge(t, u, m, nil)))
	}
	if !slices.Equal(results[0].Pix, results[1].Pix) {
		t.Error("tiles differ from the whole picture")
	}
	_, out := upscaled(t, model, File("../cmd/vertebra/photo/cat.png"))
	if !slices.Equal(picture.From(out).Pix, results[0].Pix) {
		t.Error("Upscale's tiles differ from the whole picture")
	}
}

// TestCompact enlarges with a compact network of Real-ESRGAN of which all is read from the
// weights, whole and in tiles, on the device and in plain Go.
func TestCompact(t *testing.T) {
	net := models.NewSRVGG(models.SRVGGConfig{Width: 5, Depth: 2, Scale: 2})
	weights.Random(net, 1)
	file := saved(t, net)
	is, err := zoo.Identify(file, "")
	if err != nil || is.Name != "srvgg" || is.Task != zoo.SuperResolve {
		t.Fatalf("%q, %v", is.Name, err)
	}
	m := pattern(61, 42, 3)
	want := enlarge(t, Upscaler{Scale: 2, Channels: 3, Halo: 4, Run: evaluate(net)}, m, nil)
	for _, o := range []Options{{Weights: file}, {Weights: file, Device: "cpu"}} {
		model := opened(t, is, o)
		var results []*picture.Image
		for _, tile := range []int{0, 16, 28} {
			var out bytes.Buffer
			e, err := model.Upscale(context.Background(), UpscaleOptions{Tile: tile}, Image("in", m.Image()), &out)
			if err != nil || e.Scale != 2 || (e.Tiles > 1) != (tile > 0) || tile > 0 && max(e.Tile[0], e.Tile[1]) > tile {
				t.Fatalf("tile %d: %+v, %v", tile, e, err)
			}
			got, err := picture.Decode(&out)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, got)
		}
		for i, v := range picture.From(want).Pix {
			if d := int(v) - int(results[0].Pix[i]); d < -1 || d > 1 {
				t.Fatalf("%v: sample %d is %d, the network says %d", model.Device(), i, results[0].Pix[i], v)
			}
		}
		for i, r := range results[1:] {
			if !slices.Equal(r.Pix, results[0].Pix) {
				t.Errorf("%v: tiles differ from the whole picture: %d", model.Device(), i)
			}
		}
		if _, err := model.Upscale(context.Background(), UpscaleOptions{Tile: 12}, Image("in", m.Image()), io.Discard); err == nil || !strings.Contains(err.Error(), "tiles of 12 pixels are too small for srvgg, want 16 or more") {
			t.Errorf("a tile of 12: %v", err)
		}
	}
}

func TestUpscaleErrors(t *testing.T) {
	ctx, in := context.Background(), Image("in", image.NewGray(image.Rect(0, 0, 40000, 1)))
	m := opened(t, zoo.ESPCN(2), Options{Device: "cpu"})
	if _, err := m.Upscale(ctx, UpscaleOptions{Format: "jpeg"}, in, io.Discard); err == nil || !strings.Contains(err.Error(), "too many for a jpeg") {
		t.Errorf("a JPEG of 80000 pixels: %v", err)
	}
	if _, err := m.Upscale(ctx, UpscaleOptions{Format: "gif"}, in, io.Discard); err == nil || !strings.Contains(err.Error(), `format "gif"`) {
		t.Errorf("a GIF: %v", err)
	}
	var bad *InputError
	if _, err := m.Upscale(ctx, UpscaleOptions{}, File("none.png"), io.Discard); !errors.As(err, &bad) || bad.Name != "none.png" {
		t.Errorf("no file: %v", err)
	}
	lenet, err := Open("lenet", Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer lenet.Close()
	if _, err := lenet.Upscale(ctx, UpscaleOptions{}, in, io.Discard); err == nil || !strings.Contains(err.Error(), "espcn_x2") {
		t.Errorf("lenet: %v", err)
	}
}
