//go:build clients

package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/vision"
)

// TestClients compares what clients of other authors get with what the command embed
// writes. bench/peers/clients/run prepares and starts it.
func TestClients(t *testing.T) {
	clip, in := smallCLIP(t, 1), photograph(t, 9, 8)
	at, grpc := servingBoth(t, "--grpc=127.0.0.1:0", "CLIP="+clip)
	args := []string{"../../bench/peers/clients/clients.mjs", at, grpc, in, "a cat"}
	if immich := os.Getenv("VERTEBRA_IMMICH_CLIENT"); immich != "" {
		args = append(args, immich)
	}
	c := exec.Command("node", args...)
	c.Stderr = os.Stderr
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Live                bool
		Error               int
		GRPC, REST          []float32
		OpenAI, OpenAIFloat [][]float32
		Immich              *struct {
			Text, Picture []float32
			Log           []string
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out := filepath.Join(t.TempDir(), "e.safetensors")
	ok(t, "embed", in, "--text", "a cat", "--weights", clip, "--normalize", "-o", out, "--quiet")
	f := openFile(t, out)
	picture, err := f.Tensor("images")
	if err != nil {
		t.Fatal(err)
	}
	words, err := f.Tensor("texts")
	if err != nil {
		t.Fatal(err)
	}
	if err := vision.Unit(got.GRPC); err != nil {
		t.Fatal(err)
	}
	if err := vision.Unit(got.REST); err != nil {
		t.Fatal(err)
	}
	all := map[string][2][]float32{
		"gRPC": {got.GRPC, picture.Data}, "REST": {got.REST, picture.Data},
		"openai, text": {got.OpenAI[0], words.Data}, "openai, picture": {got.OpenAI[1], picture.Data},
		"openai, text, float": {got.OpenAIFloat[0], words.Data}, "openai, picture, float": {got.OpenAIFloat[1], picture.Data},
	}
	if got.Immich != nil {
		all["Immich, text"] = [2][]float32{got.Immich.Text, words.Data}
		all["Immich, picture"] = [2][]float32{got.Immich.Picture, picture.Data}
		t.Logf("Immich's client says %q", got.Immich.Log)
	}
	for name, pair := range all {
		worst := 0.0
		for i := range pair[1] {
			if len(pair[0]) != len(pair[1]) {
				t.Fatalf("%s: %d numbers, want %d", name, len(pair[0]), len(pair[1]))
			}
			worst = max(worst, math.Abs(float64(pair[0][i]-pair[1][i])))
		}
		if t.Logf("%s: the largest difference is %.1e", name, worst); !(worst <= 1e-5) {
			t.Errorf("%s differs by %v", name, worst)
		}
	}
	if !got.Live || got.Error != 5 {
		t.Errorf("live %v, the code for a model that is not there is %d, want 5", got.Live, got.Error)
	}
}
