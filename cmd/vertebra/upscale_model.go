package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// activation returns the activation that a flag names.
func activation(flag, name string) (graph.Activation, error) {
	for _, a := range []graph.Activation{graph.None, graph.ReLU, graph.Tanh, graph.Sigmoid} {
		if a.String() == name {
			return a, nil
		}
	}
	return graph.None, fmt.Errorf("%s %q, want tanh, relu, sigmoid or none", flag, name)
}

// network returns the model that the flags select.
func (u *upscale) network(c *cobra.Command) (zoo.Model, error) {
	given := c.Flags().Changed
	if other, err := u.other(c); err != nil || other != nil {
		if err == nil && (given("activation") || given("last")) {
			err = fmt.Errorf("--activation and --last are only for ESPCN, not for %s", other.Name)
		}
		if err != nil {
			return zoo.Model{}, err
		}
		return *other, nil
	}
	if !given("scale") && u.weights == "" {
		u.scale = 3
	}
	switch {
	case u.weights == "" && (given("activation") || given("last")):
		return zoo.Model{}, fmt.Errorf("--activation and --last need --weights")
	case u.weights == "" && (u.scale < 2 || u.scale > 4):
		return zoo.Model{}, fmt.Errorf("--scale %d, want 2, 3 or 4 without --weights", u.scale)
	case u.weights == "":
		return zoo.ESPCN(u.scale), nil
	case given("scale") && (u.scale < 1 || u.scale > 16):
		return zoo.Model{}, fmt.Errorf("--scale %d, want 1 to 16", u.scale)
	}
	act, err := activation("--activation", u.act)
	if err != nil {
		return zoo.Model{}, err
	}
	last, err := activation("--last", u.last)
	if err != nil {
		return zoo.Model{}, err
	}
	u.configure = func(n models.Network) error {
		n.(*models.ESPCN).Act, n.(*models.ESPCN).Last = act, last
		return nil
	}
	return zoo.ESPCN(u.scale), nil
}

// other returns the model that --model names or that the weights are of, if it is no
// ESPCN of which flags say more.
func (u *upscale) other(c *cobra.Command) (*zoo.Model, error) {
	var entry zoo.Model
	var err error
	switch {
	case u.model != "":
		entry, err = u.entry(u.model)
	case u.weights != "":
		if entry, err = lookupFile(u.weights, u.key); err != nil || entry.For(zoo.SuperResolve) != nil {
			return nil, nil // the error of an ESPCN follows
		}
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkTask(c, entry, zoo.SuperResolve); err != nil {
		return nil, err
	}
	network, ok := entry.New().(interface{ Factor() int })
	if _, espcn := network.(*models.ESPCN); espcn && u.model == "" {
		return nil, nil
	}
	if ok && c.Flags().Changed("scale") && u.scale != network.Factor() {
		return nil, fmt.Errorf("--scale %d, but %s enlarges %d times", u.scale, entry.Name, network.Factor())
	}
	return &entry, u.locate(c, entry)
}

// load opens the network.
func (u *upscale) load(c *cobra.Command) (*vision.Model, error) {
	u.streams(c)
	if file, ok := zoo.FindONNX(u.weights); ok {
		return u.loadONNX(c, file)
	}
	for _, name := range append(onnxFlagNames, "size") {
		if c.Flags().Changed(name) {
			return nil, fmt.Errorf("--%s is for an ONNX file", name)
		}
	}
	entry, err := u.network(c)
	if err != nil {
		return nil, err
	}
	o, err := u.options()
	if err != nil {
		return nil, err
	}
	m, err := vision.OpenModel(entry, o)
	if err != nil {
		return nil, u.explain(err, entry)
	}
	u.setup = time.Since(u.start)
	return m, nil
}

// loadONNX opens an ONNX file, which tells its scale.
func (u *upscale) loadONNX(c *cobra.Command, file string) (*vision.Model, error) {
	for _, name := range []string{"scale", "activation", "last", "model"} {
		if c.Flags().Changed(name) {
			return nil, fmt.Errorf("--%s is not for an ONNX file", name)
		}
	}
	u.weights = ""
	m, err := u.openONNX(c, file, zoo.SuperResolve)
	u.setup = time.Since(u.start)
	return m, err
}
