package zoo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestMerge compares merge with the definition, which looks at all pairs in each round, on
// random words of few letters and random merges. It merges a word of a megabyte, too, for
// which the definition would take hours.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		pieces := []string{"a", "b", "c", "a</w>", "b</w>", "c</w>"}
		k := &CLIPTokenizer{ranks: map[[2]string]int{}}
		for rank := range 20 {
			pair := [2]string{pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))]}
			if _, there := k.ranks[pair]; there || strings.HasSuffix(pair[0], wordEnd) {
				continue
			}
			k.ranks[pair] = rank
			pieces = append(pieces, pair[0]+pair[1])
		}
		word := make([]byte, 1+r.IntN(40))
		for i := range word {
			word[i] = "abc"[r.IntN(3)]
		}
		if got, want := k.merge(string(word)), plainMerge(k, string(word)); !slices.Equal(got, want) {
			t.Fatalf("%s with %v: %q, want %q", word, k.ranks, got, want)
		}
	}
	k := &CLIPTokenizer{ranks: map[[2]string]int{}}
	var word strings.Builder
	for i := range 5000 {
		left, right := fmt.Sprintf("%c", 'a'+i%26), fmt.Sprintf("%c%c", 'a'+i/26%26, 'a'+i/676)
		k.ranks[[2]string{right[:1], right[1:]}] = 2 * i
		k.ranks[[2]string{left, right}] = 2*i + 1
	}
	for word.Len() < 1<<20 {
		word.WriteByte(byte('a' + r.IntN(26)))
	}
	if got := strings.Join(k.merge(word.String()), ""); got != word.String()+wordEnd {
		t.Error("the pieces are not the word")
	}
}

// plainMerge is the definition.
func plainMerge(k *CLIPTokenizer, word string) []string {
	pieces := strings.Split(word, "")
	pieces[len(pieces)-1] += wordEnd
	for {
		best, at := -1, [2]string{}
		for i := range len(pieces) - 1 {
			pair := [2]string{pieces[i], pieces[i+1]}
			if rank, ok := k.ranks[pair]; ok && (best < 0 || rank < best) {
				best, at = rank, pair
			}
		}
		if best < 0 {
			return pieces
		}
		for i := 0; i+1 < len(pieces); i++ {
			if pieces[i] == at[0] && pieces[i+1] == at[1] {
				pieces = slices.Replace(pieces, i, i+2, at[0]+at[1])
			}
		}
	}
}
