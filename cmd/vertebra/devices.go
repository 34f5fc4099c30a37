package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
)

func newDevices(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "List the adapters that can be opened",
		Long: `Lists the adapters. --device takes the number of one or a part of its name. The
adapter marked * is the default.`,
		Example: `  vertebra devices
  vertebra devices --backend vulkan --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			infos, err := gpu.Adapters(s.backend)
			if err != nil {
				return err
			}
			if asJSON {
				return printDevicesJSON(c.OutOrStdout(), infos)
			}
			d, err := gpu.Open(gpu.Options{Backend: s.backend, Adapter: s.device, Limits: s.limits, Kind: s.kind}) // says what to install if there is none
			if err != nil {
				return err
			}
			defer d.Close()
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "\t#\tname\ttype\tbackend\tdriver\tlargest binding\tworkgroup memory\ttimestamps")
			marked := false
			for i, info := range infos {
				mark := ""
				if !marked && info.Name == d.Info().Name && info.Backend == d.Info().Backend {
					mark, marked = "*", true
					info = d.Info() // with --limits
				}
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark, i, info.Name, info.Type, info.Backend,
					info.Driver, bytesText(info.Limits.StorageBinding), bytesText(int64(info.Limits.WorkgroupMemory)), yesNo(info.Timestamps))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func printDevicesJSON(w io.Writer, infos []gpu.Info) error {
	type row struct {
		Number           int    `json:"number"`
		Name             string `json:"name"`
		Type             string `json:"type"`
		Backend          string `json:"backend"`
		Driver           string `json:"driver"`
		StorageBinding   int64  `json:"max_storage_binding_bytes"`
		BufferSize       int64  `json:"max_buffer_bytes"`
		WorkgroupMemory  int    `json:"max_workgroup_memory_bytes"`
		WorkgroupSize    int    `json:"max_workgroup_size"`
		WorkgroupsPerDim int    `json:"max_workgroups_per_dimension"`
		StorageBuffers   int    `json:"max_storage_buffers"`
		Timestamps       bool   `json:"timestamps"`
	}
	rows := []row{}
	for i, info := range infos {
		l := info.Limits
		rows = append(rows, row{i, info.Name, info.Type, info.Backend, info.Driver, l.StorageBinding, info.MaxBufferSize,
			l.WorkgroupMemory, l.WorkgroupSize, l.WorkgroupsPerDim, l.StorageBuffers, info.Timestamps})
	}
	return printJSON(w, rows)
}

// printJSON writes v as indented JSON.
// bytesText returns a number of bytes with a unit.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.4g GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.4g MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.4g KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
