package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
)

func newMatch(s *settings) *cobra.Command {
	m := &match{clipFlags: clipFlags{modelFlags: modelFlags{settings: s}}}
	c := &cobra.Command{
		Use:   "match IMAGE... --text TEXT --text TEXT...",
		Short: "Say how well texts fit a picture",
		Long: `Compares pictures with texts by CLIP. Prints, for each picture and text, the
probability that the text is right if exactly one of them is, and the cosine of the
angle between the two embeddings. IMAGE is a file, a pattern or a folder, which stands
for all pictures below it. A picture that cannot be read and a text that is too long are
left out, and an error at the end names them.`,
		Example: `  vertebra match pet.jpg --text "a photo of a cat" --text "a photo of a dog" --weights ViT-B-32.pt --vocab bpe_simple_vocab_16e6.txt.gz
  vertebra match photos/ --text day --text night --weights clip-vit-base-patch32/ --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: m.run,
	}
	m.flags(c)
	f := c.Flags()
	f.StringArrayVar(&m.queries, "text", nil, "text to compare with; may be given again")
	m.jsonFlag(c)
	c.MarkFlagRequired("text")
	return c
}

type match struct {
	clipFlags
	queries []string
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
	found, err := findPictures(c, args)
	if err != nil {
		return err
	}
	model, err := m.open(c)
	if err != nil {
		return err
	}
	defer model.Close()
	texts, left := m.texts(model)
	all := []matched{}
	results := model.Match(c.Context(), texts, found.in...)
	err = each(&m.modelFlags, found, results, func(r vision.Match) error {
		if m.json {
			all = append(all, newMatched(r))
			return nil
		}
		m.sayDevice(model, false)
		fmt.Fprintln(m.out, files.Quote(r.Name))
		for _, t := range r.Best() {
			fmt.Fprintf(m.out, "%7.2f %%  %6.3f  %s\n", 100*t.Probability, t.Cosine, files.Quote(t.Text))
		}
		return nil
	})
	if m.json && (err == nil || len(all) > 0) {
		if err := printJSON(m.out, all); err != nil {
			return err
		}
	}
	return m.explain(left.with(err))
}

// texts returns the texts that the model can read, and the error of the others. It
// returns all texts if it can read none.
func (m *match) texts(model *vision.Model) ([]string, *leftOutError) {
	var good []string
	var wrong []error
	for _, text := range m.queries {
		if err := model.CheckText(text); err != nil {
			wrong = append(wrong, err)
		} else {
			good = append(good, text)
		}
	}
	if len(good) == 0 || len(wrong) == 0 {
		return m.queries, nil
	}
	return good, &leftOutError{fmt.Sprintf("left out %d of %d texts", len(wrong), len(m.queries)), wrong}
}

func newMatched(r vision.Match) matched {
	one := matched{File: r.Name}
	for _, t := range r.Texts {
		one.Texts = append(one.Texts, matchedText{t.Text, t.Probability, t.Cosine})
	}
	return one
}
