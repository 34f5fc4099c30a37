// Command bytes counts what kernels that move data read and write. It adds a record of each
// access to their texts, runs the first choice for a GPU of each op of a list, and compares
// the bytes with the least: every input and output once.
//
//	go run ./bench/bytes -o bench/bytes/kernels.md
//	go run ./bench/bytes -check       fails if an op takes more than its bound
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
	check := flag.Bool("check", false, "fail if an op takes more than its bound")
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
	var b strings.Builder
	table(&b, all)
	if output != "" {
		err = os.WriteFile(output, []byte(b.String()), 0o666)
	} else {
		_, err = io.WriteString(os.Stdout, b.String())
	}
	for _, c := range all {
		if most := max(c.most, bound); check && c.memory() > most {
			err = errors.Join(err, fmt.Errorf("%s %v takes %.2f of the least bytes, want %.2f or less", c.op.Name(), c.args, c.memory(), most))
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

Some rows are over 1.25. Windows that overlap are read by neighbouring workgroups, too, and
a group norm reads its input twice. A cache that workgroups share is not counted.

| op | shapes | kernels | least | asked | memory | wide |
|---|---|---|--:|--:|--:|--:|
`)
	for _, c := range all {
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.2f | %.2f | %.0f %% |\n",
			c.op.Name(), c.args, strings.Join(c.kernels, ", "), c.least, c.asked(), c.memory(), 100*float64(c.wide)/float64(max(1, c.accesses)))
	}
}
