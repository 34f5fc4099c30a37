package shaders

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Search lists the programs for a tuner: those of Programs, in their order, and then
// more. They differ in tiles, patches, splits, panes and workgroups, within the limits.
// No two of them have the same name.
func Search(c Call, lim Limits) []Program {
	var programs []Program
	listed := map[string]bool{}
	for _, wide := range []bool{false, true} {
		lim.wide = wide
		for _, p := range Programs(c, lim) {
			if !listed[p.Name] {
				listed[p.Name] = true
				programs = append(programs, p)
			}
		}
	}
	return programs
}

// tiles lists the tiles to choose from. Software devices never do best with one.
func (lim Limits) tiles() []tile {
	if lim.Kind == CPU {
		return softTiles
	}
	if !lim.wide {
		return tiles
	}
	all := slices.Clone(tiles)
	for _, m := range []int{16, 32, 64, 128} {
		for _, n := range []int{32, 64, 128} {
			for _, k := range []int{8, 16, 32} {
				for _, patch := range [][2]int{{4, 4}, {4, 8}, {8, 4}, {8, 8}} {
					t := tile{m, n, k, patch[0], patch[1]}
					if t.even() && !slices.Contains(all, t) {
						all = append(all, t)
					}
				}
			}
		}
	}
	return all
}

// even reports whether a workgroup of one to four waves loads the tile in whole rounds, as
// lib/tiled does.
func (t tile) even() bool {
	n, lanes := t.invocations(), t.lanes()
	if n < 32 || n > 256 || t.m%lanes > 0 || t.n/2%lanes > 0 || lanes%(t.n/t.regN) > 0 || lanes%(t.m/t.regM) > 0 {
		return false
	}
	pairs := t.n / 2 / lanes
	return t.m/lanes <= 4 && (pairs == 1 || pairs == 2 || pairs == 4)
}

// splits lists t with K split, for a device with any number of processors.
func (g gemm) splits(lim Limits, t tile) []tiling {
	const most = 2048 // workgroups, more than any device runs at once
	var all []tiling
	grid := g.grid(t, 1)
	for _, s := range []int{2, 4, 8, 16} {
		if g.k >= 64*s && s*grid[0]*grid[1] <= most && 4*int64(s)*int64(g.m*g.n) <= lim.StorageBinding {
			all = append(all, tiling{t, s})
		}
	}
	return all
}

// Digest identifies the texts of the kernels, and how they read f16: what was measured
// with other texts says nothing about these.
func Digest() string {
	h := sha256.New()
	for _, pattern := range []string{"*.wgsl", "lib/*.wgsl"} {
		paths, _ := fs.Glob(files, pattern)
		for _, path := range paths {
			text, _ := files.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		}
	}
	for _, ways := range []map[string]unpacked{pairs, native} {
		for _, kind := range slices.Sorted(maps.Keys(ways)) {
			fmt.Fprintf(h, "%s %v\n", kind, ways[kind])
		}
	}
	fmt.Fprint(h, packed, packedNative)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
