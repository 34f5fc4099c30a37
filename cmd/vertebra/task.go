package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/zoo"
)

// commandsFor has the commands for models of a task.
var commandsFor = map[zoo.Task]string{
	zoo.Classify:     "classify",
	zoo.Segment:      "segment",
	zoo.Detect:       "detect",
	zoo.SuperResolve: "upscale",
	zoo.Reconstruct:  "reconstruct",
	zoo.Embed:        "match, embed and search",
	zoo.PromptMasks:  "sam",
	zoo.Features:     "features",
}

// checkTask returns an error if a model is not for a command's task.
func checkTask(c *cobra.Command, m zoo.Model, t zoo.Task) error {
	if err := m.For(t); err != nil {
		return fmt.Errorf("%s %w; for %s see %s", c.Name(), err, m.Name, commandsFor[m.Task])
	}
	return nil
}

// attends reports whether a model's attention can be drawn.
func attends(m zoo.Model) bool {
	switch m.New().(type) {
	case *models.ViT, *models.MAE, *models.ViTDetector, *models.Swin:
		return true
	}
	return false
}

// checkAttends returns an error if a model has no attention to draw.
func checkAttends(c *cobra.Command, m zoo.Model) error {
	if !attends(m) {
		return fmt.Errorf("%s %s: only transformers have attention to draw, such as vit_b_16, swin_t or mae_vit_base_patch16", c.Name(), m.Name)
	}
	return nil
}

// wantWeights is the error of a command without a MODEL and without --weights, for which
// m is the usual model.
func wantWeights(c *cobra.Command, m zoo.Model) error {
	more := ""
	if m.Task == zoo.Embed {
		more = fmt.Sprintf("; texts also need %v beside it", zoo.CLIPVocabulary)
	}
	return fmt.Errorf("%s needs --weights FILE, such as %s%s; \"vertebra pull %s\" gets it, and \"vertebra models --task %v --wide\" lists others", c.Name(), m.Where(), more, m.Name, m.Task)
}

// wantVocabulary is the error for a CLIP at path without a vocabulary.
func wantVocabulary(path string) error {
	return fmt.Errorf("%s: no vocabulary lies beside it: give --vocab FILE, for OpenAI's models %v", files.Quote(path), zoo.CLIPVocabulary)
}

// ofTask and ofAny select the models that an argument or a flag can name.
func ofTask(t zoo.Task) func(zoo.Model) bool { return func(m zoo.Model) bool { return m.Task == t } }
func ofAny(zoo.Model) bool                   { return true }

// namesOf returns the names of models.
func namesOf(of func(zoo.Model) bool) []string {
	var names []string
	for _, m := range zoo.Models() {
		if of(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// modelArgument completes the first argument, the name of a model, and leaves further
// arguments to the shell.
func modelArgument(of func(zoo.Model) bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return namesOf(of), cobra.ShellCompDirectiveNoFileComp
	}
}

// modelFlag completes --model.
func modelFlag(c *cobra.Command, of func(zoo.Model) bool) {
	c.RegisterFlagCompletionFunc("model", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return namesOf(of), cobra.ShellCompDirectiveNoFileComp
	})
}
