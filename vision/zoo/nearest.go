package zoo

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns up to five of names that are most similar to name. Names that begin
// with it come first. The others follow by the number of letters to change, at most
// half of the letters of name. A name that contains name counts as one letter.
func nearest(name string, names []string) []string {
	plain := strings.NewReplacer("-", "_", "/", "", " ", "_", "@", "_").Replace(strings.ToLower(name))
	if plain == "" {
		return nil
	}
	type candidate struct {
		name       string
		far, edits int
	}
	var all []candidate
	for _, n := range names {
		c := candidate{n, 0, edits(plain, n)}
		switch {
		case strings.HasPrefix(n, plain):
		case strings.Contains(n, plain):
			c.far = 1
		case c.edits > (len(plain)+1)/2:
			continue
		default:
			c.far = c.edits
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Or(a.far-b.far, a.edits-b.edits) })
	var near []string
	for _, c := range all[:min(5, len(all))] {
		near = append(near, c.name)
	}
	return near
}

// edits returns the number of letters to insert, delete or change to turn a into b
// (Levenshtein distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
