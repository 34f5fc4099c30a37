// Command bytes counts what kernels that move data read and write. It adds a record of each
// access to their texts, runs the first choice for a GPU of each op of a list, and compares
// the bytes with the least: every input and output once.
//
//	go run ./bench/bytes -o bench/bytes/kernels.md
//	go run ./bench/bytes -check       fails if an op takes more than 1.25 of the least
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/webgpu"
)

func main() {
	output := flag.String("o", "", "write the table to this `file`")
	check := flag.Bool("check", false, "write no table; fail if an op takes more than 1.25 of the least")
	only := flag.String("op", "", "only ops whose name contains this `text`")
	flag.Parse()
	if err := run(*output, *only, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bytes:", err)
		os.Exit(1)
	}
}

func run(output, only string, check bool) error {
	d, err := webgpu.Driver{}.Open("", func(list []driver.Info) (int, driver.Info, error) {
		if len(list) == 0 {
			return 0, driver.Info{}, errors.New("there is no device")
		}
		return 0, list[0], nil
	})
	if err != nil {
		return err
	}
	defer d.Close()
	var all []count
	for _, r := range rows {
		if !strings.Contains(r.op.Name(), only) {
			continue
		}
		c, err := measure(d, r)
		if err != nil {
			return fmt.Errorf("%s %v: %w", r.op.Name(), r.args, err)
		}
		all = append(all, c)
	}
	if check {
		return within(all)
	}
	var b strings.Builder
	table(&b, all)
	if output != "" {
		return os.WriteFile(output, []byte(b.String()), 0o666)
	}
	_, err = io.WriteString(os.Stdout, b.String())
	return err
}

// within returns an error that names each op beyond the bound.
func within(all []count) error {
	var err error
	for _, c := range all {
		if c.memory() > bound {
			err = errors.Join(err, fmt.Errorf("%s %v takes %.2f of the least bytes, want %.2f or less", c.op.Name(), c.args, c.memory(), bound))
		}
	}
	return err
}

// table writes the counts as a table of Markdown.
func table(w io.Writer, all []count) {
	fmt.Fprint(w, `# Bytes that kernels move

`+"`go run ./bench/bytes -o bench/bytes/kernels.md`"+` writes this table. It counts what the first choice
for a GPU reads and writes for an op. The least is every input and output once.

- asked: the bytes of all accesses over the least
- memory: the same in lines of 64 bytes; a workgroup's accesses to a line count once, if all its lines take 16 KiB or less; so do all workgroups' to an array of that size
- wide: the share of accesses of 16 bytes

All rows are at most 1.25. A cache that workgroups share is not counted: what windows of
neighbouring workgroups have in common counts for each of them.

| op | shapes | kernels | least | asked | memory | wide |
|---|---|---|--:|--:|--:|--:|
`)
	for _, c := range all {
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.2f | %.2f | %.0f %% |\n",
			c.op.Name(), c.args, strings.Join(c.kernels, ", "), c.least, c.asked(), c.memory(), 100*float64(c.wide)/float64(max(1, c.accesses)))
	}
}
