package main

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// built builds the program and returns its path.
func built(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vertebra")
	c := exec.Command("go", "build", "-o", path, ".")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return path
}

// BenchmarkBatch compares "vertebra batch" with one process of "vertebra classify" over the
// same pictures. They take turns. It reports
//
//	of-single      time as a part of the single process's, the median of the turns
//	cpu-of-single  the same of processor time, that of the coordinator and its worker
//
// The start of two processes and of the engine is in both.
func BenchmarkBatch(b *testing.B) {
	const pictures, turns = 512, 3
	dir := b.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, 320, 240))
	for i := range pictures {
		shift := r.IntN(256)
		for y := range 240 {
			for x := range 320 {
				m.Set(x, y, color.NRGBA{uint8(x + shift), uint8(y * x / 64), uint8(y + 2*shift), 255})
			}
		}
		f, err := os.Create(filepath.Join(in, fmt.Sprintf("%04d.jpg", i)))
		if err != nil {
			b.Fatal(err)
		}
		if err := jpeg.Encode(f, m, nil); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	entry, err := zoo.Lookup("resnet18")
	if err != nil {
		b.Fatal(err)
	}
	net := entry.New()
	weights.Random(net, 1)
	var all []*tensor.Tensor
	weights.Walk(net, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	checkpoint := filepath.Join(dir, "resnet18.safetensors")
	if err := weights.WriteSafetensors(checkpoint, nil, all...); err != nil {
		b.Fatal(err)
	}
	vertebra := built(b)
	run := func(args ...string) (wall, processor time.Duration) {
		c := exec.Command(vertebra, append(args, in, "--weights", checkpoint, "--quiet")...)
		c.Stderr = os.Stderr
		start := time.Now()
		if err := c.Run(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start), c.ProcessState.UserTime() + c.ProcessState.SystemTime() // with its children's
	}
	run("classify", "resnet18", "--csv") // compiles the kernels
	var walls, processors []float64
	for b.Loop() {
		for i := range turns {
			wall, processor := run("classify", "resnet18", "--csv")
			wall2, processor2 := run("batch", "classify", "resnet18", "-o", filepath.Join(dir, fmt.Sprint(len(walls), i)))
			walls, processors = append(walls, wall2.Seconds()/wall.Seconds()), append(processors, processor2.Seconds()/processor.Seconds())
			b.Logf("single %v and %v of processors, batch %v and %v", wall, processor, wall2, processor2)
		}
	}
	slices.Sort(walls)
	slices.Sort(processors)
	b.ReportMetric(walls[len(walls)/2], "of-single")
	b.ReportMetric(processors[len(processors)/2], "cpu-of-single")
	b.ReportMetric(0, "ns/op")
}
