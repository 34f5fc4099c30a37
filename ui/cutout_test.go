package ui

import (
	"bytes"
	"image/png"
	"testing"
)

// TestCutout embeds a picture once, and cuts out at clicks, in a box, and everything. The
// mask that is shown and the cut-out at the picture's own size agree.
func TestCutout(t *testing.T) {
	c := served(t, Options{Checkpoints: []string{smallSAM(t)}})
	p := c.upload("thing.png", 37, 22)
	var ready, again Embedded
	c.run(Request{Kind: "embed", Picture: p.ID}, &ready)
	if c.run(Request{Kind: "embed", Picture: p.ID}, &again); ready.Width != 37 || ready.Height != 22 || again != ready {
		t.Errorf("%+v, then %+v", ready, again)
	}
	for _, q := range []Prompt{
		{Points: [][2]float32{{0.3, 0.4}}, Labels: []int{1}},
		{Points: [][2]float32{{0.3, 0.4}, {0.9, 0.9}}, Labels: []int{1, 0}},
		{Box: &[4]float32{0.1, 0.1, 0.8, 0.9}},
	} {
		q.Model, q.Picture = ready.Model, p.ID
		var m Masks
		c.ok("POST", "/api/masks", q, &m)
		want, err := m.Mask.Mask()
		if err != nil || want.Width != 37 || want.Height != 22 {
			t.Fatalf("%+v: %v", m, err)
		}
		for _, form := range []string{"cutout", "mask"} {
			q.Form = form
			var file []byte
			c.ok("POST", "/api/cutout", q, &file)
			got, err := png.Decode(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			for i, on := range want.On {
				r, _, _, a := got.At(i%37, i/37).RGBA()
				if form == "cutout" && (a > 0) != on || form == "mask" && (r > 0) != on {
					t.Fatalf("%s: pixel %d is %v in the mask", form, i, on)
				}
			}
		}
	}
	c.fails("POST", "/api/masks", Prompt{Model: ready.Model, Picture: p.ID}, 400, "no point, box or mask")
	c.fails("POST", "/api/masks", Prompt{Model: ready.Model, Picture: p.ID, Points: [][2]float32{{2, 0}}, Labels: []int{1}}, 400, "outside the picture")
	var all Regions
	j := c.run(Request{Kind: "everything", Picture: p.ID, Points: 2}, &all)
	if all.Width != 37 || all.Regions == nil || j.Total == 0 || j.Done != j.Total {
		t.Errorf("%+v, %+v", all, j)
	}
	c.ok("PUT", "/api/device", map[string]string{"name": "cpu"}, nil)
	c.fails("POST", "/api/masks", Prompt{Model: ready.Model, Picture: p.ID, Points: [][2]float32{{0, 0}}, Labels: []int{1}}, 404, "embed first")
	for range mostEmbedded + 1 { // no more are kept
		p = c.upload("x.png", 20+len(c.s.cutouts.list), 20)
		c.run(Request{Kind: "embed", Picture: p.ID}, &ready)
	}
	if len(c.s.cutouts.list) != mostEmbedded {
		t.Errorf("%d embeddings", len(c.s.cutouts.list))
	}
	old := c.s.cutouts.list[0]
	p = c.upload("y.png", 50, 20)
	c.run(Request{Kind: "embed", Picture: p.ID}, &ready)
	if err := old.hold(); err == nil {
		t.Error("an embedding that was dropped is used")
	}
}
