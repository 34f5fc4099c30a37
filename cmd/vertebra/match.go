package main

import (
	"fmt"
	"math"
	"sort"

	"github.com/spf13/cobra"
)

func newMatch(s *settings) *cobra.Command {
	m := &match{clip: clip{network: network{settings: s}}}
	c := &cobra.Command{
		Use:   "match IMAGE... --text TEXT --text TEXT...",
		Short: "Say which text belongs to a picture",
		Long: `Compares pictures with texts by CLIP and prints, for each picture, how probable each
text is, given that one of them is right, and the cosine of the angle between the
two embeddings. IMAGE is a file, a pattern or a folder, of which all pictures below
it are taken. A picture that cannot be read is left out, and named at the end.`,
		Example: `  vertebra match pet.jpg --text "a photo of a cat" --text "a photo of a dog" --weights ViT-B-32.pt --vocab bpe_simple_vocab_16e6.txt.gz
  vertebra match photos/ --text day --text night --weights clip-vit-base-patch32/ --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: m.run,
	}
	m.flags(c)
	f := c.Flags()
	f.StringArrayVar(&m.queries, "text", nil, "text to compare with, may be given again")
	f.BoolVar(&m.json, "json", false, "print a JSON array")
	c.MarkFlagRequired("text")
	return c
}

type match struct {
	clip
	queries []string
	json    bool
}

// matched is a picture compared with texts, in their order.
type matched struct {
	File  string        `json:"file"`
	Texts []matchedText `json:"texts"`
}

type matchedText struct {
	Text        string  `json:"text"`
	Probability float64 `json:"probability"`
	Cosine      float64 `json:"cosine"`
}

func (m *match) run(c *cobra.Command, args []string) error {
	if err := checkTexts(m.queries); err != nil {
		return err
	}
	paths, err := pictures(args)
	if err != nil {
		return err
	}
	if err := m.load(c, true); err != nil {
		return err
	}
	ids, err := m.tokenize(m.queries)
	if err != nil {
		return err
	}
	dev, err := m.open()
	if err != nil {
		return err
	}
	defer dev.close()
	defer m.clip.close()
	texts, err := m.texts(c.Context(), dev, ids)
	if err != nil {
		return err
	}
	if err := units(texts); err != nil {
		return err
	}
	if !m.json && !m.quiet {
		fmt.Fprintf(m.out, "device: %v\n", dev)
	}
	all := []matched{}
	width := texts.Shape[1]
	err = m.pictures(c.Context(), dev, paths, true, nil, func(path string, v []float32) error {
		if err := unit(v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		one := matched{File: path}
		for i, t := range m.queries {
			one.Texts = append(one.Texts, matchedText{Text: t, Cosine: float64(dot(v, texts.Data[i*width:][:width]))})
		}
		probabilities(one.Texts, m.clip.clip.Scale())
		if m.json {
			all = append(all, one)
			return nil
		}
		fmt.Fprintln(m.out, path)
		sort.SliceStable(one.Texts, func(i, j int) bool { return one.Texts[i].Probability > one.Texts[j].Probability })
		for _, t := range one.Texts {
			fmt.Fprintf(m.out, "%7.2f %%  %6.3f  %s\n", 100*t.Probability, t.Cosine, t.Text)
		}
		return nil
	})
	if m.json && (err == nil || len(all) > 0) {
		if err := printJSON(m.out, all); err != nil {
			return err
		}
	}
	return err
}

// probabilities are the softmax of the cosines times scale.
func probabilities(texts []matchedText, scale float64) {
	most, sum := math.Inf(-1), 0.0
	for _, t := range texts {
		most = max(most, t.Cosine)
	}
	for i, t := range texts {
		texts[i].Probability = math.Exp((t.Cosine - most) * scale)
		sum += texts[i].Probability
	}
	for i := range texts {
		texts[i].Probability /= sum
	}
}
