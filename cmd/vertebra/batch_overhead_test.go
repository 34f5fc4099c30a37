package main

import (
	"bytes"
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
// same pictures. They take turns, over few pictures and over many. It reports medians of the
// turns:
//
//	of-single      time over many pictures as a part of the single process's
//	cpu-of-single  the same of processor time, that of the coordinator and its worker
//	each           time for each picture after the first few, as a part of the single
//	               process's: what is left of the difference over millions of pictures
//	cpu-each       the same of processor time
//	start-s        seconds that a batch of few pictures takes longer
//	cpu-start-s    the same of processor time
func BenchmarkBatch(b *testing.B) {
	const few, many, turns = 8, 264, 3
	dir := b.TempDir()
	small, large := filepath.Join(dir, "few"), filepath.Join(dir, "many")
	for _, in := range []string{small, large} {
		if err := os.Mkdir(in, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, 320, 240))
	for i := range many {
		shift := r.IntN(256)
		for y := range 240 {
			for x := range 320 {
				m.Set(x, y, color.NRGBA{uint8(x + shift), uint8(y * x / 64), uint8(y + 2*shift), 255})
			}
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, m, nil); err != nil {
			b.Fatal(err)
		}
		for _, in := range []string{small, large}[min(i/few, 1):] {
			if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("%04d.jpg", i)), file.Bytes(), 0o644); err != nil {
				b.Fatal(err)
			}
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
	run := func(in string, args ...string) cost {
		c := exec.Command(vertebra, append(args, in, "--weights", checkpoint, "--quiet")...)
		c.Stderr = os.Stderr
		start := time.Now()
		if err := c.Run(); err != nil {
			b.Fatal(err)
		}
		return cost{time.Since(start).Seconds(), (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()} // with its children's
	}
	single := func(in string) cost { return run(in, "classify", "resnet18", "--csv") }
	single(small) // compiles the kernels
	figures := map[string][]float64{}
	note := func(name string, x float64) { figures[name] = append(figures[name], x) }
	for b.Loop() {
		for range turns {
			batch := func(in string) cost {
				return run(in, "batch", "classify", "resnet18", "-o", fmt.Sprint(in, "-", len(figures["each"])))
			}
			alone, together := single(small), batch(small)
			aloneAll, togetherAll := single(large), batch(large)
			b.Logf("seconds, and those of processors: single %.2f, batch %.2f; over few: %.2f, %.2f", aloneAll, togetherAll, alone, together)
			note("of-single", togetherAll.wall/aloneAll.wall)
			note("cpu-of-single", togetherAll.processor/aloneAll.processor)
			note("each", (togetherAll.wall-together.wall)/(aloneAll.wall-alone.wall))
			note("cpu-each", (togetherAll.processor-together.processor)/(aloneAll.processor-alone.processor))
			note("start-s", together.wall-alone.wall)
			note("cpu-start-s", together.processor-alone.processor)
		}
	}
	for name, all := range figures {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name)
	}
	b.ReportMetric(0, "ns/op")
}

// cost is what a run takes, in seconds.
type cost struct{ wall, processor float64 }
