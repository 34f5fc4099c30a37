package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/bench"
)

// TestBenchCard makes a card of one model. The processes are calls here, and verify is
// left out: TestVerify runs it.
func TestBenchCard(t *testing.T) {
	dir := t.TempDir()
	b := &benchCard{settings: &settings{quiet: true}, dir: dir, runs: 1, batch: 1, errs: io.Discard}
	var asked [][]string
	b.child = func(ctx context.Context, env []string, args ...string) ([]byte, error) {
		asked = append(asked, args)
		switch {
		case args[0] == "verify":
			return []byte(`{"passed": 2, "failed": 1, "cases": [{"name": "op_a", "pass": true}, {"name": "op_b", "pass": false}]}`), errors.New("1 of 3 cases failed")
		case slices.Contains(args, "broken"):
			return nil, errors.New("the driver is gone")
		}
		var stdout, stderr bytes.Buffer
		if run(ctx, args, &stdout, &stderr) != 0 {
			return nil, errors.New(stderr.String())
		}
		return stdout.Bytes(), nil
	}
	b.card = bench.Card{Kind: "card", Machine: bench.Machine{Adapter: "Some Card (TM) 5", Type: "software"}}
	if err := b.measure(t.Context(), []string{"lenet5", "broken"}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := b.write(&out); err == nil || !strings.Contains(err.Error(), "1 of the measurements failed") {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "some-card-tm-5.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Some Card (TM) 5\n", "**1 of 3 reference cases fail:** op_b.", "\nPeak: ", "- not measured: broken: the driver is gone\n", "| lenet5 | [1, ", "](some-card-tm-5.svg)", "## lenet5, by program"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var card bench.Card
	if text, err = os.ReadFile(filepath.Join(dir, "some-card-tm-5.json")); err != nil || json.Unmarshal(text, &card) != nil || len(card.Models) != 1 || card.Models[0].Cold <= 0 || card.Models[0].Tuned != nil {
		t.Errorf("%+v, %v", card, err)
	}
	plot, err := os.ReadFile(filepath.Join(dir, "some-card-tm-5.svg"))
	if err != nil || strings.Count(string(plot), "<title>") < 3 {
		t.Errorf("%s, %v", plot, err)
	}
	for d := xml.NewDecoder(bytes.NewReader(plot)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(asked); n != 2+4+1 {
		t.Errorf("%d processes: %v", n, asked)
	}
}
