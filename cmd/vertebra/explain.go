package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// explain explains err, which came from loading the checkpoint at path as a model of a
// family. If the checkpoint fits another model, the new error names that model. Otherwise
// explain returns err.
func explain(err error, path, family string, of func(zoo.Model) bool) error {
	var file *os.PathError
	var choice *weights.ChoiceError
	switch {
	case errors.As(err, &file):
		return err
	case errors.As(err, &choice):
		return withKey(err)
	}
	src, bad := weights.Open(path)
	if bad != nil {
		return err
	}
	defer src.Close()
	for _, e := range zoo.Models() {
		if of(e) || !e.MayFit(len(src.Names())) {
			continue
		}
		m := e.NewFor(src)
		if weights.Compare(m, src).Err() == nil {
			return fmt.Errorf("%s is a checkpoint of %s, not of %s", files.Quote(path), e.Name, family)
		}
	}
	return err
}
