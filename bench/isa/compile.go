package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/webgpu"
)

// chip is what the compiler made of the kernels for one chip.
type chip struct {
	Name    string
	Adapter string
	Kernels []kernel
}

// kernel is a use and its figures.
type kernel struct {
	use
	figures
	code []string // lines of machine code
}

// marker begins the lines that part the driver's output. A number follows.
const marker = "@@@ kernel "

// compile is the child: it opens the card that the library pretends to be, writes the uses
// to w as JSON, and compiles them one by one. The driver writes to standard error.
func compile(o options, w io.Writer) error {
	d, err := webgpu.Driver{}.Open("vulkan", func(list []driver.Info) (int, driver.Info, error) {
		if len(list) == 0 {
			return 0, driver.Info{}, errors.New("the driver finds no card")
		}
		return 0, list[0], nil
	})
	if err != nil {
		return err
	}
	uses, err := collect(o, d.Info())
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(struct {
		Adapter string
		Uses    []*use
	}{d.Info().String(), uses}); err != nil {
		return err
	}
	for i, u := range uses {
		fmt.Fprintf(os.Stderr, "\n%s%d\n", marker, i)
		if _, err := d.Pipeline(u.source, u.access); err != nil {
			return fmt.Errorf("%s: %w", u.Name, err)
		}
	}
	fmt.Fprintf(os.Stderr, "\n%s%d\n", marker, len(uses))
	return nil // without Close, which would wait for the card
}

// compileAll starts a child for each chip and reads what the driver wrote.
func compileAll(o options) ([]chip, error) {
	preload, err := first("/usr/lib/*/libamdgpu_noop_drm_shim.so", "mesa-drm-shim")
	if err != nil {
		return nil, err
	}
	manifest, err := first("/usr/share/vulkan/icd.d/radeon_icd*.json", "mesa-vulkan-drivers")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	names := strings.Split(o.chips, ",")
	chips, errs := make([]chip, len(names)), make([]error, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() {
			c := exec.Command(self, append(os.Args[1:], "-child")...)
			c.Env = append(os.Environ(),
				"LD_PRELOAD="+preload, "AMDGPU_GPU_ID="+name, "VK_DRIVER_FILES="+manifest,
				"RADV_DEBUG=shaderstats,asm", "MESA_SHADER_CACHE_DISABLE=true")
			var out, said bytes.Buffer
			c.Stdout, c.Stderr = &out, &said
			if err := c.Run(); err != nil {
				lines := strings.Split(strings.TrimSpace(said.String()), "\n")
				errs[i] = fmt.Errorf("%s: %w: %s", name, err, lines[len(lines)-1])
				return
			}
			chips[i], errs[i] = readChip(name, out.Bytes(), said.String())
		})
	}
	wait.Wait()
	return chips, errors.Join(errs...)
}

// first returns the first file of a pattern. A package has it.
func first(pattern, from string) (string, error) {
	all, err := filepath.Glob(pattern)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no %s; the package %s has it, and scripts/isa installs it", pattern, from)
	}
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// readChip reads a child's standard output and standard error.
func readChip(name string, out []byte, said string) (chip, error) {
	var header struct {
		Adapter string
		Uses    []use
	}
	if err := json.Unmarshal(out, &header); err != nil {
		return chip{}, fmt.Errorf("%s: %w", name, err)
	}
	c := chip{Name: name, Adapter: header.Adapter}
	for i, u := range header.Uses {
		_, text, ok := strings.Cut(said, fmt.Sprintf("\n%s%d\n", marker, i))
		if text, _, _ = strings.Cut(text, fmt.Sprintf("\n%s%d\n", marker, i+1)); !ok {
			return chip{}, fmt.Errorf("%s: %s was not compiled", name, u.Name)
		}
		f, code, err := readFigures(text)
		if err != nil {
			return chip{}, fmt.Errorf("%s: %s: %w", name, u.Name, err)
		}
		c.Kernels = append(c.Kernels, kernel{u, f, code})
	}
	return c, nil
}

// writeCode writes a file of machine code for each kernel and chip.
func writeCode(folder string, chips []chip) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for _, c := range chips {
		for _, k := range c.Kernels {
			name := filepath.Join(folder, k.Name+"."+c.Name+".s")
			if err := os.WriteFile(name, []byte(strings.Join(k.code, "\n")+"\n"), 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}
