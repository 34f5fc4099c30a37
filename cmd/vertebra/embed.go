package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newEmbed(s *settings) *cobra.Command {
	e := &embed{clipFlags: clipFlags{modelFlags: modelFlags{settings: s}}}
	c := &cobra.Command{
		Use:   "embed [IMAGE...] [--text TEXT]... -o FILE",
		Short: "Write embeddings of pictures and texts",
		Long: `Embeds pictures and texts by CLIP, or pictures by a ViT, DeiT, Swin or ResNet
whose checkpoint has no head. Writes a row for each picture and each text, in order.
A .npy file has the rows of the pictures and then those of the texts. A .safetensors
file has two tensors, "images" and "texts", and lists the pictures and texts in its
metadata. --weights may be an ONNX file that makes vectors of pictures.

` + aboutPictures + `

` + aboutRows,
		Example: `  vertebra embed photos/ --weights ViT-B-32.pt --batch 8 -o photos.npy
  vertebra embed a.jpg --text "a cat" --text "a dog" --weights clip-vit-base-patch32/ --normalize -o all.safetensors`,
		RunE: e.run,
	}
	e.flags(c)
	e.file.flags(c)
	e.sizeFlag(c)
	f := c.Flags()
	f.StringArrayVar(&e.queries, "text", nil, "text to embed; may be given again")
	f.StringVarP(&e.path, "output", "o", "", "file to write, .npy or .safetensors")
	e.jsonFlag(c)
	e.strictFlag(c)
	f.BoolVar(&e.normalize, "normalize", false, "scale embeddings to length one")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "npy", "safetensors")
	return c
}

type embed struct {
	clipFlags
	queries   []string
	path      string
	normalize bool
}

func (e *embed) run(c *cobra.Command, args []string) error {
	kind := strings.ToLower(filepath.Ext(e.path))
	if kind != ".npy" && kind != ".safetensors" {
		return fmt.Errorf("%s: extension %q, want .npy or .safetensors", files.Quote(e.path), kind)
	}
	if len(args)+len(e.queries) == 0 {
		return fmt.Errorf("neither a picture nor a --text to embed")
	}
	found, err := findPictures(c, args)
	if err != nil {
		return err
	}
	m, err := e.open(c)
	if backbone := e.backbone(err); backbone != nil {
		m, err = backbone, nil
	}
	if err != nil {
		return err
	}
	defer m.Close()
	texts := &tensor.Tensor{Name: "texts"}
	if len(e.queries) > 0 { // first, because the pictures may take long
		vectors, err := m.EmbedTexts(c.Context(), e.queries...)
		if err != nil {
			return e.explain(err)
		}
		for _, v := range vectors {
			if err := e.add(texts, v); err != nil {
				return err
			}
		}
	}
	images := &tensor.Tensor{Name: "images"}
	var names []string
	results := m.EmbedPictures(c.Context(), found.in...)
	left := each(&e.modelFlags, found, results, func(r vision.Embedding) error {
		names = append(names, r.Name)
		return e.add(images, r.Vector)
	})
	if fatal(left, len(names)) {
		return e.explain(left)
	}
	var all []*tensor.Tensor
	for _, t := range []*tensor.Tensor{images, texts} {
		if t.Data != nil {
			all = append(all, t)
		}
	}
	if err := e.write(kind, names, all); err != nil {
		return err
	}
	return e.tellRows(m, e.path, names, all, left)
}

// backbone opens a network without a head after the error of opening a CLIP. It returns
// nil if there is no error, or if the weights are of no such network.
func (e *clipFlags) backbone(err error) *vision.Model {
	if err == nil || e.weights == "" {
		return nil
	}
	entry, err := zoo.Identify(e.weights, e.key)
	if err != nil || entry.Task == zoo.Embed {
		return nil
	}
	o, err := e.options()
	if err != nil {
		return nil
	}
	o.Lazy = true
	m, err := vision.OpenModel(entry, o)
	if err != nil {
		return nil
	}
	if m.For(zoo.Embed) != nil {
		m.Close()
		return nil
	}
	e.tell(m)
	return m
}

// add adds a row to [N, embedding].
func (e *embed) add(t *tensor.Tensor, v []float32) error {
	if e.normalize {
		if err := vision.Unit(v); err != nil {
			return err
		}
	}
	t.Data = append(t.Data, v...)
	t.Shape = tensor.Shape{len(t.Data) / len(v), len(v)}
	return nil
}

func (e *embed) write(kind string, paths []string, all []*tensor.Tensor) error {
	if kind == ".npy" {
		rows := &tensor.Tensor{Shape: tensor.Shape{0, all[0].Shape[1]}}
		for _, t := range all {
			rows.Shape[0] += t.Shape[0]
			rows.Data = slices.Concat(rows.Data, t.Data)
		}
		return e.save(e.path, func(w io.Writer) error { return rows.WriteNPY(w) })
	}
	lists := map[string]string{}
	for name, list := range map[string][]string{"pictures": paths, "texts": e.queries} {
		text, err := json.Marshal(inUTF8(list))
		if err != nil {
			return err
		}
		if len(list) > 0 {
			lists[name] = string(text)
		}
	}
	return weights.WriteSafetensors(e.path, lists, all...)
}
