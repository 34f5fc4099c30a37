package batch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// text is v as JSON. v has only fields that can be written so.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// run computes the unit's rows.
func (u *unit) run(ctx context.Context) (writer, error) {
	switch u.Job.Spec.Task {
	case Embed:
		return u.embed(ctx)
	case Classify:
		return u.classify(ctx)
	case Segment:
		return u.segment(ctx)
	case Features:
		return u.features(ctx)
	case Upscale:
		return u.upscale(ctx)
	}
	return nil, u.Job.Spec.Check(u.Model)
}

func (u *unit) embed(ctx context.Context) (writer, error) {
	var rows []vectorRow
	for e, err := range u.Model.EmbedPictures(ctx, u.in...) {
		if err == nil && u.Job.Spec.Normalize {
			if bad := vision.Unit(e.Vector); bad != nil {
				err = &vision.InputError{Name: e.Name, Err: bad}
			}
		}
		one, err := u.next(len(rows), err)
		if err != nil {
			return nil, err
		}
		if one.Error != "" {
			e.Vector = nil
		} else {
			u.shape = []int{len(e.Vector)}
		}
		rows = append(rows, vectorRow{one, e.Vector})
	}
	return written(rows), nil
}

func (u *unit) features(ctx context.Context) (writer, error) {
	layer := u.Job.Spec.Layer
	if layer == "" {
		var err error
		if layer, err = usualLayer(u.Model); err != nil {
			return nil, err
		}
	}
	var rows []vectorRow
	for f, err := range u.Model.Features(ctx, []string{layer}, u.in...) {
		one, err := u.next(len(rows), err)
		if err != nil {
			return nil, err
		}
		r := vectorRow{row: one}
		if one.Error == "" {
			x := f.Stages[0]
			if len(x.Shape) == 4 && u.Job.Spec.Layout != "NHWC" {
				x = x.ToNCHW()
			}
			if u.shape != nil && !slices.Equal(u.shape, x.Shape[1:]) {
				return nil, fmt.Errorf("%s: %s is %v, but %v for pictures before it: the job needs a size", f.Name, layer, x.Shape[1:], u.shape)
			}
			u.shape, r.Vector = x.Shape[1:], x.Data
		}
		rows = append(rows, r)
	}
	return written(rows), nil
}

// usualLayer returns the last stage before the result, and the output of an ONNX file.
func usualLayer(m *vision.Model) (string, error) {
	if n, ok := m.Network.(*zoo.ONNX); ok {
		all := n.OutputNames()
		if len(all) > 1 {
			return "", fmt.Errorf("%s has several outputs, and features need the name of one: %s", files.Quote(m.Checkpoint), strings.Join(all, ", "))
		}
		return all[0], nil
	}
	all, err := m.Stages()
	if err == nil && len(all) == 0 {
		err = errors.New("the model has no stages")
	}
	if err != nil {
		return "", err
	}
	return all[len(all)-1], nil
}

func (u *unit) classify(ctx context.Context) (writer, error) {
	var rows []classRow
	for c, err := range u.Model.Classify(ctx, u.in...) {
		one, err := u.next(len(rows), err)
		if err != nil {
			return nil, err
		}
		r := classRow{row: one}
		if one.Error == "" {
			for _, t := range c.Top(cmp.Or(u.Job.Spec.Top, 5)) {
				r.Classes = append(r.Classes, Class{int32(t.Number), t.Name, t.Probability})
			}
		}
		rows = append(rows, r)
	}
	return written(rows), nil
}

func (u *unit) segment(ctx context.Context) (writer, error) {
	var rows []maskRow
	for s, err := range u.Model.Segment(ctx, vision.SegmentOptions{Threshold: u.Job.Spec.Threshold}, u.in...) {
		one, err := u.next(len(rows), err)
		if err != nil {
			return nil, err
		}
		r := maskRow{row: one}
		if one.Error == "" {
			var mask bytes.Buffer
			if err := png.Encode(&mask, s.Image()); err != nil {
				return nil, err
			}
			r.Width, r.Height, r.Mask = int32(s.Width), int32(s.Height), mask.Bytes()
			for _, a := range s.Areas() {
				if a.Pixels > 0 {
					r.Areas = append(r.Areas, Area{int32(a.Number), a.Name, a.Share})
				}
			}
		}
		rows = append(rows, r)
	}
	return written(rows), nil
}

// upscale writes each picture to a file before the unit has one. If a worker ends between
// them, the next takes what is there.
func (u *unit) upscale(ctx context.Context) (writer, error) {
	format := cmp.Or(u.Job.Spec.Format, "png")
	var rows []enlargedRow
	for i, in := range u.in {
		var file bytes.Buffer
		made, err := u.Model.Upscale(ctx, vision.UpscaleOptions{Format: format}, in, &file)
		one, err := u.next(i, err)
		if err != nil {
			return nil, err
		}
		r := enlargedRow{row: one}
		if one.Error == "" {
			name := u.output(i, format)
			if _, err := u.create(ctx, name, file.Bytes()); err != nil {
				return nil, err
			}
			r.Output, r.Width, r.Height = name, int32(made.Width*made.Scale), int32(made.Height*made.Scale)
		}
		rows = append(rows, r)
	}
	return written(rows), nil
}

// output returns the name of an enlarged picture: the number of the unit, that in the unit,
// and the picture's own.
func (u *unit) output(i int, format string) string {
	own := path.Base(filepath.ToSlash(u.items[i].Path))
	own = strings.TrimSuffix(own, path.Ext(own))
	const most = 100 // bytes, as the file system sets a limit
	own = strings.ToValidUTF8(own[:min(len(own), most)], "_")
	ext := map[string]string{"png": ".png", "jpeg": ".jpg"}[format]
	return fmt.Sprintf("part-%05d/%03d-%s%s", u.number, i, own, ext)
}
