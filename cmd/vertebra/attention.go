package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

func newAttention(s *settings) *cobra.Command {
	a := &attention{network: network{settings: s}}
	c := &cobra.Command{
		Use:   "attention MODEL IMAGE --block N -o OUT.png",
		Short: "Draw where a transformer looks",
		Long: `Draws where a block of a transformer looks: of a ViT, what its class token attends
to; of a Swin, what one token attends to inside its window, and how the map is cut
into windows. Blocks are counted from 0 through all stages. In every second block of
a Swin the windows are shifted: parts of one colour on opposite sides are computed
as one window, under a mask that keeps them apart.`,
		Example: `  vertebra attention vit_b_16 dog.jpg --weights vit_b_16-c867db91.pth --block 11 -o looks.png
  vertebra attention vit_b_16 dog.jpg --weights vit_b_16-c867db91.pth --block 5 --head 3 -o looks.png
  vertebra attention swin_t dog.jpg --weights swin_t-704ceda3.pth --block 1 --at 0,0 -o windows.png`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args[0], args[1]) },
	}
	a.flags(c)
	c.ValidArgsFunction = modelArgument(attends)
	a.pictureFlags(c)
	f := c.Flags()
	f.IntVar(&a.block, "block", 0, "which block, from 0")
	f.IntVar(&a.head, "head", -1, "which head, from 0 (default: the mean of all)")
	f.Float64SliceVar(&a.at, "at", []float64{0.5, 0.5}, "of a Swin: where the token is, across and down, in parts of the picture")
	f.StringVarP(&a.path, "output", "o", "", "picture to write, .png")
	c.MarkFlagRequired("block")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "png")
	return c
}

type attention struct {
	network
	block, head int
	at          []float64
	path        string
}

// heat is how much the places of a map are attended to.
type heat struct {
	graph.Pair // rows and columns
	weight     []float64
}

func (a *attention) run(c *cobra.Command, name, in string) error {
	if err := checkPNG(a.path); err != nil {
		return err
	}
	if len(a.at) != 2 || !(a.at[0] >= 0 && a.at[0] <= 1 && a.at[1] >= 0 && a.at[1] <= 1) {
		return fmt.Errorf("--at %v, want two numbers between 0 and 1", a.at)
	}
	m, err := lookup(name)
	if err != nil {
		return err
	}
	if err := checkAttends(c, m); err != nil {
		return err
	}
	if err := a.load(c, name); err != nil {
		return err
	}
	patch, err := a.patch()
	if err != nil {
		return err
	}
	if a.at[0] != 0.5 || a.at[1] != 0.5 {
		if _, ok := a.model.(*models.Swin); !ok {
			return fmt.Errorf("--at is of a Swin; of %s the class token's attention is drawn", name)
		}
	}
	p := a.read(in)
	if p.err != nil {
		return p.err
	}
	seen, _, err := a.entry.Preprocess.Picture(p.image)
	if err != nil {
		return err
	}
	g, err := models.TraceForward(a.model, p.input.Shape...)
	if err != nil {
		return err
	}
	block, err := vision.LayOpen(g, a.block)
	if err != nil {
		return fmt.Errorf("%s: --%w", name, err)
	}
	if a.head < -1 || a.head >= block.Heads() {
		return fmt.Errorf("--head %d of %d, which are 0 to %d", a.head, block.Heads(), block.Heads()-1)
	}
	dev, err := a.open()
	if err != nil {
		return err
	}
	defer dev.close()
	if err := a.compute(c.Context(), dev, g, block, p); err != nil {
		return err
	}
	panels, err := a.panels(block, seen, patch)
	if err != nil {
		return err
	}
	if err := writePNG(a.path, picture.SideBySide(panels...)); err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.out, "device: %v\n%s: %s of block %d\n", dev, a.path, block.Op.Name(), a.block)
	}
	return nil
}

// patch is the height and width of a ViT's tokens in pixels, 0 of a Swin. Of
// what is built on a ViT, the ViT is taken.
func (a *attention) patch() (int, error) {
	switch m := a.model.(type) {
	case *models.ViT:
		return m.Patch, nil
	case *models.MAE:
		a.model = &m.ViT
		return m.Patch, nil
	case *models.ViTDetector:
		a.model = m.Backbone
		return m.Backbone.Patch, nil
	case *models.Swin:
		return 0, nil
	}
	return 0, fmt.Errorf("attention is drawn of ViT, MAE and Swin, not of %s", a.entry.Name)
}

// compute runs the model up to the block.
func (a *attention) compute(ctx context.Context, dev *machine, g *graph.Graph, block *vision.AttentionBlock, p *photo) error {
	program, err := dev.compile(g, gpu.Choice{})
	if err != nil {
		return err
	}
	defer program.close()
	out, err := program.run(ctx, p.input)
	if err == nil {
		block.Set(out[0])
	}
	return err
}

// heads are those that are drawn, and what they are called.
func (a *attention) heads(block *vision.AttentionBlock) (heads []int, title string) {
	if a.head >= 0 {
		return []int{a.head}, fmt.Sprintf("block %d, head %d", a.block, a.head)
	}
	for h := range block.Heads() {
		heads = append(heads, h)
	}
	return heads, fmt.Sprintf("block %d, mean of heads", a.block)
}

func (a *attention) panels(block *vision.AttentionBlock, seen *picture.Image, patch int) ([]picture.Panel, error) {
	large := seen
	if side := max(seen.Width, seen.Height); side < 336 {
		scale := (335 + side) / side
		large = seen.Resize(seen.Width*scale, seen.Height*scale, picture.Bicubic)
	}
	heads, title := a.heads(block)
	all := []picture.Panel{{Caption: "what the model sees", Picture: large}}
	if patch > 0 {
		h := heat{Pair: graph.Pair{seen.Height / patch, seen.Width / patch}}
		h.weight = make([]float64, h.Pair[0]*h.Pair[1])
		for _, head := range heads {
			w := block.Tokens(head, 0)
			if len(w) != len(h.weight)+1 {
				return nil, errors.New("the block's tokens are not those of the picture")
			}
			for i, v := range w[1:] {
				h.weight[i] += v / float64(len(heads))
			}
		}
		return append(all, picture.Panel{Caption: "class token, " + title, Picture: h.over(large)}), nil
	}
	w, err := block.Windows()
	if err != nil {
		return nil, err
	}
	row, column := min(int(a.at[1]*float64(w.Size[0])), w.Size[0]-1), min(int(a.at[0]*float64(w.Size[1])), w.Size[1]-1)
	h := heat{Pair: w.Size, weight: make([]float64, w.Size[0]*w.Size[1])}
	for _, head := range heads {
		tokens, err := block.Window(head, row, column)
		if err != nil {
			return nil, err
		}
		for _, k := range tokens {
			if k.Row < w.Size[0] && k.Column < w.Size[1] {
				h.weight[k.Row*w.Size[1]+k.Column] += k.Weight / float64(len(heads))
			}
		}
	}
	return append(all,
		picture.Panel{Caption: fmt.Sprintf("windows %d×%d, shift %d,%d", w.Window[0], w.Window[1], w.Shift[0], w.Shift[1]), Picture: partition(large, w)},
		picture.Panel{Caption: fmt.Sprintf("token %d,%d, %s", row, column, title), Picture: mark(h.over(large), h.cell(large, row, column))},
	), nil
}

// cell is where a place of the map lies in a picture.
func (h heat) cell(m *picture.Image, row, column int) image.Rectangle {
	return image.Rect(column*m.Width/h.Pair[1], row*m.Height/h.Pair[0], (column+1)*m.Width/h.Pair[1], (row+1)*m.Height/h.Pair[0])
}

// over draws the heat on a picture in grey: from black where there is none to
// red and yellow where it is largest.
func (h heat) over(m *picture.Image) *picture.Image {
	most := 1e-30
	for _, v := range h.weight {
		most = max(most, v)
	}
	out, grey := picture.New(m.Width, m.Height, 3), m.Grey()
	for y := range m.Height {
		for x := range m.Width {
			v := h.weight[y*h.Pair[0]/m.Height*h.Pair[1]+x*h.Pair[1]/m.Width] / most
			base := 0.45 * float64(grey.Pix[y*m.Width+x])
			fire := [3]float64{255 * min(1, 2*v), 255 * max(0, 2*v-1), 0}
			for k := range 3 {
				out.Pix[(y*m.Width+x)*3+k] = uint8((1-0.7*v)*base + 0.7*v*fire[k])
			}
		}
	}
	return out
}

// partition tints a picture by the windows that compute it and draws their
// borders.
func partition(m *picture.Image, w graph.Windows) *picture.Image {
	out := picture.New(m.Width, m.Height, 3)
	m = m.RGB()
	place := func(at, size, d int) int { // of a pixel: the window's number along d
		token := at * w.Size[d] / size
		return (token - w.Shift[d] + w.Padded[d]) % w.Padded[d] / w.Window[d]
	}
	for y := range m.Height {
		for x := range m.Width {
			row, column := place(y, m.Height, 0), place(x, m.Width, 1)
			paint := picture.Colors[(row*3+column)%len(picture.Colors)]
			border := y > 0 && place(y-1, m.Height, 0) != row || x > 0 && place(x-1, m.Width, 1) != column
			for k, tint := range [3]uint8{paint.R, paint.G, paint.B} {
				i := (y*m.Width+x)*3 + k
				if out.Pix[i] = uint8(0.65*float64(m.Pix[i]) + 0.35*float64(tint)); border {
					out.Pix[i] = 255
				}
			}
		}
	}
	return out
}

// mark frames a place.
func mark(m *picture.Image, box image.Rectangle) *picture.Image {
	canvas := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	draw.Draw(canvas, canvas.Bounds(), m.Image(), image.Point{}, draw.Src)
	picture.Frame(canvas, box.Inset(-1), 1, color.NRGBA{90, 220, 255, 255})
	for i := range m.Width * m.Height {
		copy(m.Pix[3*i:3*i+3], canvas.Pix[4*i:])
	}
	return m
}
