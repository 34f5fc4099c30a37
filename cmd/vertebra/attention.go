package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/picture"
)

func newAttention(s *settings) *cobra.Command {
	a := &attention{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "attention MODEL IMAGE --block N -o OUT.png",
		Short: "Draw a transformer's attention",
		Long: `Draws how much one token attends to the others in a block of a transformer, with a
frame around that token. In a ViT it is the class token, which stands for the whole
picture, or the token at --at. In a Swin it is the middle token or the token at --at.
A Swin's token attends only to its window, so the windows are drawn, too. The colour
bar shows the share of the attention.

Blocks are counted from 0 through all stages. Every second block of a Swin has shifted
windows. There, parts of one colour on opposite sides are one window, and a mask keeps
them apart.`,
		Example: `  vertebra attention vit_b_16 dog.jpg --weights vit_b_16-c867db91.pth --block 11 -o looks.png
  vertebra attention vit_b_16 dog.jpg --weights vit_b_16-c867db91.pth --block 5 --head 3 --at 0.3,0.6 -o looks.png
  vertebra attention swin_t dog.jpg --weights swin_t-704ceda3.pth --block 1 --at 0,0 -o windows.png`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args[0], args[1]) },
	}
	a.weightsFlags(c, attends)
	a.sizeFlag(c)
	f := c.Flags()
	f.IntVar(&a.block, "block", 0, "which block, from 0")
	f.IntVar(&a.head, "head", 0, "which head, from 0 (default: the mean of all heads)")
	f.StringVar(&a.at, "at", "", "place of the token, across and down, as `X,Y` in fractions of the picture")
	f.StringVarP(&a.path, "output", "o", "", "picture to write, .png")
	c.MarkFlagRequired("block")
	a.jsonFlag(c)
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "png")
	return c
}

type attention struct {
	modelFlags
	block, head int
	at, path    string
}

// attended is the JSON output for a picture.
type attended struct {
	File   string `json:"file"`
	Output string `json:"output"`
	Device string `json:"device"`
	Op     string `json:"op"`
	Block  int    `json:"block"`
}

// who returns the block, the heads and the token that the flags select.
func (a *attention) who(c *cobra.Command) (vision.AttentionOptions, error) {
	o := vision.AttentionOptions{Block: a.block}
	if c.Flags().Changed("head") {
		o.Heads = []int{a.head}
	}
	if !c.Flags().Changed("at") {
		return o, nil
	}
	at, err := numbers(a.at)
	if err != nil || len(at) != 2 || !(at[0] >= 0 && at[0] <= 1 && at[1] >= 0 && at[1] <= 1) {
		return o, fmt.Errorf("--at %s, want two numbers between 0 and 1, such as 0.5,0.5", a.at)
	}
	o.At = &[2]float64{float64(at[0]), float64(at[1])}
	return o, nil
}

func (a *attention) run(c *cobra.Command, name, in string) error {
	if err := checkPNG(a.path); err != nil {
		return err
	}
	o, err := a.who(c)
	if err != nil {
		return err
	}
	entry, err := a.entry(name)
	if err != nil {
		return err
	}
	if err := checkAttends(c, entry); err != nil {
		return err
	}
	m, err := a.open(c, name, 0)
	if err != nil {
		return err
	}
	defer m.Close()
	seen, err := m.Attention(c.Context(), o, input(c, in))
	if err != nil {
		return err
	}
	if err := a.savePNG(a.path, picture.SideBySide(seen.Panels()...)); err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, attended{in, a.path, m.Device().String(), seen.Op, a.block})
	}
	if !a.quiet {
		fmt.Fprintf(a.out, "device: %v\n%s: %s of block %d\n", m.Device(), files.Quote(a.path), seen.Op, a.block)
	}
	return nil
}
