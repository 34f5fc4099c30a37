package weights

import (
	"archive/zip"
	"errors"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// wrapped is a network with two tensors.
type wrapped struct {
	Weight *tensor.Tensor `weight:"conv.weight"` // [2]
	Bias   *tensor.Tensor `weight:"conv.bias"`   // [2]
}

func newWrapped() *wrapped { return &wrapped{tensor.Declare(2), tensor.Declare(2)} }

func fitsWrapped(src Source) bool { return Compare(newWrapped(), src).Err() == nil }

// TestUnwrapPrefixes binds a network whose names have wrappers before them, with other
// tensors beside.
func TestUnwrapPrefixes(t *testing.T) {
	for _, prefix := range []string{
		"", "_orig_mod.", "module.", "model.", "net.", "backbone.", "ema.", "ema_model.", "student.",
		"module._orig_mod.", "_orig_mod.module.model.", "model.net.backbone.", "ema.module.",
	} {
		src := Map{prefix + "conv.weight": tensor.Of([]float32{1, 2}, 2), prefix + "conv.bias": tensor.Of([]float32{3, 4}, 2)}
		if prefix != "" {
			src["n_averaged"] = tensor.Of([]float32{7})
			src["loss.weight"] = tensor.Of([]float32{7})
		}
		m := newWrapped()
		if err := Bind(m, src); err != nil || m.Weight.Data[1] != 2 || m.Bias.Data[0] != 3 {
			t.Errorf("%q: %v, %v", prefix, m.Weight, err)
		}
		if _, got, err := Unwrap(src, "", fitsWrapped); err != nil || got != prefix {
			t.Errorf("%q: the prefix is %q, %v", prefix, got, err)
		}
	}
	for _, prefix := range []string{"", "module."} {
		src := Map{prefix + "conv._orig_mod.weight": tensor.Of([]float32{1, 2}, 2), prefix + "conv.bias": tensor.Of([]float32{3, 4}, 2)}
		m := newWrapped()
		if err := Bind(m, src); err != nil || m.Weight.Data[1] != 2 {
			t.Errorf("%q, and a part is wrapped: %v, %v", prefix, m.Weight, err)
		}
	}
	one, two := tensor.Of([]float32{1, 1}, 2), tensor.Of([]float32{2, 2}, 2)
	for _, c := range []struct {
		src  Map
		want string
	}{
		{Map{"model.conv.weight": one, "conv.bias": one}, "missing conv.weight"}, // in part
		{Map{"other.conv.weight": one, "other.conv.bias": one}, "missing conv.bias"},
		{Map{"module.conv.weight": one}, "missing conv.bias [2]"},
		{Map{"conv._orig_mod.weight": one, "conv.weight": two, "conv.bias": one}, "unused conv._orig_mod.weight"},
		{Map{"model.conv.weight": one, "model.conv.bias": one, "ema.conv.weight": two, "ema.conv.bias": two},
			"several networks, of which one has to be named by its key: ema (2 tensors), model (2 tensors)"},
		{Map{"conv.weight": one, "conv.bias": one, "ema.conv.weight": two, "ema.conv.bias": two},
			"several networks, of which one has to be named by its key: ema (2 tensors), . (2 tensors)"},
	} {
		if err := Bind(newWrapped(), c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v does not say %q", c.src.Names(), err, c.want)
		}
	}
}

// TestUnwrapBare chooses the network without a wrapper, where a copy of it has one.
func TestUnwrapBare(t *testing.T) {
	one, two := tensor.Of([]float32{1, 1}, 2), tensor.Of([]float32{2, 2}, 2)
	src := Map{"conv.weight": one, "conv.bias": one, "ema.conv.weight": two, "ema.conv.bias": two}
	for key, want := range map[string]float32{".": 1, "ema": 2} {
		part, _, err := Unwrap(src, key, fitsWrapped)
		if err != nil {
			t.Fatal(err)
		}
		m := newWrapped()
		if err := Bind(m, part); err != nil || m.Weight.Data[0] != want {
			t.Errorf("%s: %v, %v", key, m.Weight, err)
		}
	}
	delete(src, "conv.weight")
	delete(src, "conv.bias")
	if _, _, err := Unwrap(src, ".", fitsWrapped); err == nil {
		t.Error("no name is without a wrapper, but no error")
	}
}

// TestUnwrapKey chooses among the networks of a PyTorch file and of names.
func TestUnwrapKey(t *testing.T) {
	sd := func(prefix, storage string) *dict {
		return dictOf(prefix+"conv.weight", dense(storage, 2), prefix+"conv.bias", dense(storage, 2))
	}
	data := map[string][]byte{"0": floats(1, 1), "1": floats(2, 2), "2": floats(3, 3)}
	file, err := ReadPyTorch(archive(t, zip.Store, dictOf(
		"netG", sd("module.", "0"), "netD", sd("d.", "1"), "optimizer", dictOf("a.b", dense("2", 1)), "epoch", 3), data))
	if err != nil {
		t.Fatal(err)
	}
	nested, err := ReadPyTorch(archive(t, zip.Store, dictOf(
		"model", dictOf("params", sd("", "0"), "params_ema", sd("", "1"), "dotted.key", sd("", "2"))), data))
	if err != nil {
		t.Fatal(err)
	}
	single, err := ReadPyTorch(archive(t, zip.Store, dictOf(
		"state_dict", sd("model.", "1"), "hyper", dictOf("lr", dense("2", 1))), data))
	if err != nil {
		t.Fatal(err)
	}
	names := Map{}
	for i, prefix := range []string{"generator.", "ema.", "model."} {
		for _, n := range []string{"conv.weight", "conv.bias"} {
			v := float32(i + 1)
			names[prefix+n] = tensor.Of([]float32{v, v}, 2)
		}
	}
	for _, c := range []struct {
		name  string
		src   Source
		key   string
		value float32
		err   string
	}{
		{"two networks", file, "", 0, "named by its key: netG (2 tensors), netD (2 tensors)"},
		{"one of two", file, "netG", 1, ""},
		{"below one of two", file, "netD.d", 2, ""},
		{"no such key", file, "netE", 0, "no tensors under the key netE; there are netG (2 tensors), netD (2 tensors)"},
		{"nested", nested, "", 0, "model.params (2 tensors), model.params_ema (2 tensors), model.dotted.key (2 tensors)"},
		{"one of nested", nested, "model.params_ema", 2, ""},
		{"without the path", nested, "params_ema", 2, ""},
		{"a key with a dot", nested, "model.dotted.key", 3, ""},
		{"one network", single, "", 2, ""},
		{"one network by its key", single, "state_dict", 2, ""},
		{"one network by its path", single, "state_dict.model", 2, ""},
		{"names", names, "", 0, "ema (2 tensors), model (2 tensors)"},
		{"one of the names", names, "generator", 1, ""},
		{"another of the names", names, "ema", 2, ""},
		{"no such name", names, "gen", 0, "no tensors under the key gen; there are ema (2 tensors), generator (2 tensors)"},
	} {
		m := newWrapped()
		part, _, err := Unwrap(c.src, c.key, fitsWrapped)
		if c.err != "" {
			var choice *ChoiceError
			if !errors.As(err, &choice) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v does not say %q", c.name, err, c.err)
			}
			continue
		}
		if err == nil {
			err = Bind(m, part)
		}
		if err != nil || m.Weight.Data[0] != c.value || m.Bias.Data[1] != c.value {
			t.Errorf("%s: %v, %v", c.name, m.Weight, err)
		}
	}
}
