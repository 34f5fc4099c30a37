package zoo

import "container/heap"

// merge joins the bytes of a word into pieces. In each round it joins the pair with the least
// rank, wherever it is, from left to right.
func (t *CLIPTokenizer) merge(word string) []string {
	w := merging{t: t, parts: make([]syllable, len(word))}
	for i := range len(word) {
		w.parts[i] = syllable{string(byteRunes[word[i]]), i - 1, i + 1}
	}
	last := len(word) - 1
	w.parts[last].text += wordEnd
	for i := range last {
		w.look(i)
	}
	for w.line.Len() > 0 {
		var round []pair
		for rank := w.line[0].rank; w.line.Len() > 0 && w.line[0].rank == rank; {
			round = append(round, heap.Pop(&w.line).(pair))
		}
		w.join(round)
	}
	var pieces []string
	for i := 0; i < len(word); i = w.parts[i].next {
		pieces = append(pieces, w.parts[i].text)
	}
	return pieces
}

// merging is a word whose pieces are being joined.
type merging struct {
	t     *CLIPTokenizer
	parts []syllable // by the byte that they begin with; that of another's inside is empty
	line  pairs
}

// syllable is a piece of a word, with the first bytes of its neighbours.
type syllable struct {
	text       string
	prev, next int
}

// pair is two neighbours that can be joined, if they still are what they were.
type pair struct {
	rank, at    int
	left, right string
}

// look puts the pair that begins at a byte into the line.
func (w *merging) look(at int) {
	next := w.parts[at].next
	if next >= len(w.parts) {
		return
	}
	left, right := w.parts[at].text, w.parts[next].text
	if rank, ok := w.t.ranks[[2]string{left, right}]; ok {
		heap.Push(&w.line, pair{rank, at, left, right})
	}
}

// join joins the pairs of a round, and puts those that arise into the line.
func (w *merging) join(round []pair) {
	var joined []int
	for _, p := range round {
		left := &w.parts[p.at]
		if left.text != p.left || left.next >= len(w.parts) || w.parts[left.next].text != p.right {
			continue
		}
		right := &w.parts[left.next]
		left.text, left.next, right.text = p.left+p.right, right.next, ""
		if left.next < len(w.parts) {
			w.parts[left.next].prev = p.at
		}
		joined = append(joined, p.at)
	}
	for _, at := range joined {
		if prev := w.parts[at].prev; prev >= 0 {
			w.look(prev)
		}
		w.look(at)
	}
}

// pairs is a heap, with the least rank and the leftmost of that first.
type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].at < p[j].at
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }

// Push implements heap.Interface.
func (p *pairs) Push(x any) { *p = append(*p, x.(pair)) }

// Pop implements heap.Interface.
func (p *pairs) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}
