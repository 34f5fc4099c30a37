package vision

import (
	"context"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// AttentionOptions select a block, its heads and a query token.
type AttentionOptions struct {
	Block int   // from 0, counted through all stages
	Heads []int // from 0; the map is their mean; nil means all heads

	// At is the place of the query token: x and y as fractions of the width and
	// height. nil means the class token, or a Swin's middle token.
	At *[2]float64
}

// AttentionMap says how much one token of a transformer attends to the others.
type AttentionMap struct {
	Name    string         // of the input
	Op      string         // of the block: "attention", or "window_attention" in a Swin
	Picture *picture.Image // as the model sees it

	// Heat is the attention to each token of the picture. The attention to the class
	// token, or to the padding of a Swin's windows, is not in it. All together sum to 1.
	Heat  picture.Heat
	Token *[2]int // row and column of the query token; nil for the class token

	Windows *graph.Windows // of a Swin, else nil

	title string
}

// Attention computes the attention of one token in a block of a transformer: a ViT,
// a masked autoencoder's encoder, a detector's backbone or a Swin.
func (m *Model) Attention(ctx context.Context, o AttentionOptions, in Input) (*AttentionMap, error) {
	network, patch, prefix, err := m.transformer()
	if err != nil {
		return nil, err
	}
	if o.At != nil && !(o.At[0] >= 0 && o.At[0] <= 1 && o.At[1] >= 0 && o.At[1] <= 1) {
		return nil, fmt.Errorf("vision: attention at %v, want two numbers between 0 and 1", *o.At)
	}
	p := m.prepare(ctx, in)
	if p.err != nil {
		return nil, p.err
	}
	a := &AttentionMap{Name: in.Name}
	if a.Picture, _, err = m.Preprocess.Picture(p.image); err != nil {
		return nil, &InputError{in.Name, err}
	}
	g, err := models.TraceForward(network, p.input.Shape...)
	if err != nil {
		return nil, err
	}
	block, err := layOpen(g, o.Block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	a.Op = block.op.Op.Name()
	heads, err := a.heads(o, block.heads())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	key := fmt.Sprint("attention", o.Block, p.input.Shape)
	out, err := m.plans.run(ctx, key, func() (Plan, error) { return m.compileGraph(g) }, p.input)
	if err == nil {
		err = m.CheckFinite(out...)
	}
	if err != nil {
		return nil, err
	}
	block.set(out[0])
	if patch > 0 {
		return a, a.tokens(o, block, heads, patch, prefix)
	}
	return a, a.window(o, block, heads)
}

// transformer returns the network with the blocks, the side of its patches in pixels
// and the number of tokens before them. The last two are 0 for a Swin.
func (m *Model) transformer() (net models.Network, patch, prefix int, err error) {
	switch n := m.Network.(type) {
	case *models.ViT:
		return n, n.Patch, n.Prefix(), nil
	case *models.MAE:
		return &n.ViT, n.Patch, n.Prefix(), nil
	case *models.ViTDetector:
		return n.Backbone, n.Backbone.Patch, n.Backbone.Prefix(), nil
	case *models.Swin:
		return n, 0, 0, nil
	}
	return nil, 0, 0, fmt.Errorf("vision: %s has no attention to show; ViT, MAE and Swin have", m.Name)
}

// heads returns the heads that o selects of all heads, and begins the title.
func (a *AttentionMap) heads(o AttentionOptions, all int) ([]int, error) {
	a.title = fmt.Sprintf("block %d, mean of heads", o.Block)
	switch len(o.Heads) {
	case 0:
		heads := make([]int, all)
		for h := range heads {
			heads[h] = h
		}
		return heads, nil
	case 1:
		a.title = fmt.Sprintf("block %d, head %d", o.Block, o.Heads[0])
	default:
		a.title = fmt.Sprintf("block %d, heads %v", o.Block, o.Heads)
	}
	for _, h := range o.Heads {
		if h < 0 || h >= all {
			return nil, fmt.Errorf("there is no head %d: heads are 0 to %d", h, all-1)
		}
	}
	return o.Heads, nil
}

// place returns the row and column of the token at a place, and keeps them in Token.
func (a *AttentionMap) place(at [2]float64) (row, column int) {
	row, column = int(at[1]*float64(a.Heat.Rows)), int(at[0]*float64(a.Heat.Columns))
	row, column = min(row, a.Heat.Rows-1), min(column, a.Heat.Columns-1)
	a.Token = &[2]int{row, column}
	return row, column
}

// tokens fills Heat from global attention, where the class token is token 0 and the
// patches follow prefix tokens.
func (a *AttentionMap) tokens(o AttentionOptions, block *attentionBlock, heads []int, patch, prefix int) error {
	rows, columns, query := a.Picture.Height/patch, a.Picture.Width/patch, 0
	a.Heat = picture.Heat{Rows: rows, Columns: columns, Weight: make([]float64, rows*columns)}
	if o.At != nil {
		row, column := a.place(*o.At)
		query = prefix + row*columns + column
	}
	for _, head := range heads {
		w := block.tokens(head, query)
		if len(w) != len(a.Heat.Weight)+prefix {
			return errors.New("vision: the block's tokens do not match the picture's patches")
		}
		for i, v := range w[prefix:] {
			a.Heat.Weight[i] += v / float64(len(heads))
		}
	}
	return nil
}

// window fills Heat from attention inside a window.
func (a *AttentionMap) window(o AttentionOptions, block *attentionBlock, heads []int) error {
	w, err := block.windows()
	if err != nil {
		return err
	}
	a.Windows = &w
	a.Heat = picture.Heat{Rows: w.Size[0], Columns: w.Size[1], Weight: make([]float64, w.Size[0]*w.Size[1])}
	at := [2]float64{0.5, 0.5}
	if o.At != nil {
		at = *o.At
	}
	row, column := a.place(at)
	for _, head := range heads {
		tokens, err := block.window(head, row, column)
		if err != nil {
			return err
		}
		for _, k := range tokens {
			if k.row < w.Size[0] && k.column < w.Size[1] {
				a.Heat.Weight[k.row*w.Size[1]+k.column] += k.weight / float64(len(heads))
			}
		}
	}
	return nil
}

// Panels returns the picture, a Swin's windows, and the attention over the picture,
// for picture.SideBySide. A frame marks the query token.
func (a *AttentionMap) Panels() []picture.Panel {
	m, who := a.Picture.Large(), "class token"
	all := []picture.Panel{{Caption: "what the model sees", Picture: m}}
	marked := func(m *picture.Image) *picture.Image { return m }
	if t := a.Token; t != nil {
		who = fmt.Sprintf("token %d,%d", t[0], t[1])
		marked = func(m *picture.Image) *picture.Image { return m.Mark(a.Heat.Cell(m, t[0], t[1])) }
	}
	if w := a.Windows; w != nil {
		caption := fmt.Sprintf("windows %d×%d, shift %d,%d", w.Window[0], w.Window[1], w.Shift[0], w.Shift[1])
		all = append(all, picture.Panel{Caption: caption, Picture: marked(partition(m, *w))})
	}
	return append(all, picture.Panel{Caption: who + ", " + a.title, Picture: marked(a.Heat.Over(m)), Bar: a.Heat.Bar()})
}

// partition tints the windows of a picture and draws their borders.
func partition(m *picture.Image, w graph.Windows) *picture.Image {
	out := picture.New(m.Width, m.Height, 3)
	m = m.RGB()
	place := func(at, size, d int) int { // the number of a pixel's window along d
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
