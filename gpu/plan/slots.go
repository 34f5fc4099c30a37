package plan

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// life is a value that needs memory from step first to step last, inclusive. Its
// rivals, given by index, must be in other buffers: WebGPU forbids a dispatch that
// reads and writes the same buffer.
type life struct {
	bytes       int64
	first, last int
	rivals      []int
	room        int64 // bytes that the buffer must have from the life's offset on
}

// slot is the place of a life in a buffer.
type slot struct {
	buffer int
	offset int64
}

// slotAlign is the alignment of storage bindings in WebGPU.
const slotAlign = 256

// assign gives each life a slot. Two lives never share memory at the same step, and
// rivals never share a buffer. It returns the slots, the size of each buffer, none
// over limit, and a lower bound of their sum: the most bytes alive at once.
//
// The result depends on the order of placing. assign tries several orders and then
// random changes to the best one. The same lives always give the same result.
func assign(lives []life, limit int64) (slots []slot, sizes []int64, bound int64) {
	bound = mostAlive(lives)
	best := int64(-1)
	var order []int
	try := func(o []int, spread bool) {
		s, z := place(lives, o, spread, limit)
		total := int64(0)
		for _, b := range z {
			total += b
		}
		if best < 0 || total < best {
			best, slots, sizes, order = total, s, z, o
		}
	}
	for _, o := range orders(lives) {
		try(o, false)
		try(o, true)
	}
	random := rand.New(rand.NewPCG(1, uint64(len(lives))))
	const few, many = 20_000_000, 200_000_000 // comparisons
	for i, spent := 0, 0; i < permutations(len(lives), 1000) && spent < many; i++ {
		if best <= bound+bound/100 || spent > few && best <= bound+bound/10 {
			break
		}
		spent += len(lives) * len(lives)
		o := slices.Clone(order)
		for range 1 + random.IntN(3) {
			from, to := random.IntN(len(o)), random.IntN(len(o))
			v := o[from]
			o = slices.Insert(slices.Delete(o, from, from+1), to, v)
		}
		try(o, i%2 == 0)
	}
	for i, l := range lives {
		b := slots[i].buffer
		sizes[b] = max(sizes[b], slots[i].offset+l.room)
	}
	return slots, sizes, bound
}

// permutations returns the number of orders of n things, or most if there are more.
func permutations(n, most int) int {
	count := 1
	for i := 2; i <= n && count < most; i++ {
		count *= i
	}
	return min(count, most)
}

// mostAlive returns the largest number of bytes that are alive at one step.
func mostAlive(lives []life) int64 {
	change := map[int]int64{}
	for _, l := range lives {
		change[l.first] += l.bytes
		change[l.last+1] -= l.bytes
	}
	steps := make([]int, 0, len(change))
	for s := range change {
		steps = append(steps, s)
	}
	sort.Ints(steps)
	var alive, most int64
	for _, s := range steps {
		alive += change[s]
		most = max(most, alive)
	}
	return most
}

// orders lists orders of placing: by size, start, duration, area and end.
func orders(lives []life) [][]int {
	keys := []func(l life) int64{
		func(l life) int64 { return -l.bytes },
		func(l life) int64 { return int64(l.first) },
		func(l life) int64 { return -int64(l.last - l.first) },
		func(l life) int64 { return -l.bytes * int64(l.last-l.first+1) },
		func(l life) int64 { return -int64(l.last) },
	}
	var all [][]int
	for _, key := range keys {
		order := make([]int, len(lives))
		for i := range order {
			order[i] = i
		}
		sort.SliceStable(order, func(a, b int) bool { return key(lives[order[a]]) < key(lives[order[b]]) })
		all = append(all, order)
	}
	return all
}

// place places lives in the given order. It puts each into the allowed buffer that
// grows least. If a new buffer costs the same, it takes the new one only if spread is
// set.
func place(lives []life, order []int, spread bool, limit int64) ([]slot, []int64) {
	slots := make([]slot, len(lives))
	for i := range slots {
		slots[i].buffer = -1
	}
	var in [][]int // lives in each buffer, by offset
	var sizes []int64
	for _, i := range order {
		bytes := aligned(lives[i].bytes)
		best := slot{buffer: len(in)}
		cost := bytes
		if !spread {
			cost++
		}
		for b := range in {
			if rivalIn(lives[i], slots, b) {
				continue
			}
			at := gap(lives, slots, in[b], i)
			if grow := max(0, at+bytes-sizes[b]); grow < cost && at+bytes <= limit {
				best, cost = slot{b, at}, grow
			}
		}
		if best.buffer == len(in) {
			in = append(in, nil)
			sizes = append(sizes, 0)
		}
		b := best.buffer
		k, _ := slices.BinarySearchFunc(in[b], best.offset, func(j int, o int64) int { return int(slots[j].offset - o) })
		in[b] = slices.Insert(in[b], k, i)
		sizes[b] = max(sizes[b], best.offset+bytes)
		slots[i] = best
	}
	return slots, sizes
}

func aligned(bytes int64) int64 { return (bytes + slotAlign - 1) / slotAlign * slotAlign }

func rivalIn(l life, slots []slot, buffer int) bool {
	for _, r := range l.rivals {
		if slots[r].buffer == buffer {
			return true
		}
	}
	return false
}

// gap returns the offset of the smallest gap for life i in a buffer with the lives
// others. Only lives that overlap it in time count. If no gap is large enough, gap
// returns the end of these lives.
func gap(lives []life, slots []slot, others []int, i int) int64 {
	l, bytes := lives[i], aligned(lives[i].bytes)
	end, best, room := int64(0), int64(-1), int64(0)
	for _, j := range others {
		o := lives[j]
		if l.first > o.last || o.first > l.last {
			continue
		}
		if free := slots[j].offset - end; free >= bytes && (best < 0 || free < room) {
			best, room = end, free
		}
		end = max(end, slots[j].offset+aligned(o.bytes))
	}
	if best >= 0 {
		return best
	}
	return end
}
