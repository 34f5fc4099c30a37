package gpu

import "sort"

// life is a value that needs memory from step first to step last, inclusive.
type life struct {
	bytes       int64
	first, last int
}

// assign gives each life a slot, a whole buffer that no two lives share at the
// same step, as a register allocator does. It returns the slot of each life,
// the size of each slot, and the lower bound: the most bytes alive at once.
//
// Whole buffers cannot be packed like a heap, so the order of placing decides
// how much is lost; assign tries several orders and keeps the best.
func assign(lives []life) (slot []int, sizes []int64, bound int64) {
	bound = mostAlive(lives)
	best := int64(-1)
	for _, order := range orders(lives) {
		for _, tight := range []bool{true, false} {
			s, z := place(lives, order, tight)
			total := int64(0)
			for _, b := range z {
				total += b
			}
			if best < 0 || total < best {
				best, slot, sizes = total, s, z
			}
			if best == bound {
				return slot, sizes, bound
			}
		}
	}
	return slot, sizes, bound
}

// mostAlive is the largest sum of bytes over lives that overlap at one step.
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

// orders lists orders of placing: by size, by start, by length, by area.
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

// place puts lives, in order, each into the free slot that grows least by it,
// or among those that need not grow, the smallest (tight) or the largest. A new
// slot is opened where growing would cost as much.
func place(lives []life, order []int, tight bool) (slot []int, sizes []int64) {
	slot = make([]int, len(lives))
	var in [][]life // of each slot
	for _, i := range order {
		l := lives[i]
		best, cost := -1, l.bytes
		for s, others := range in {
			if overlaps(l, others) {
				continue
			}
			grow := max(0, l.bytes-sizes[s])
			better := grow < cost
			if grow == cost && best >= 0 && grow == 0 {
				better = (sizes[s] < sizes[best]) == tight && sizes[s] != sizes[best]
			}
			if better {
				best, cost = s, grow
			}
		}
		if best < 0 {
			best = len(in)
			in = append(in, nil)
			sizes = append(sizes, 0)
		}
		in[best] = append(in[best], l)
		sizes[best] = max(sizes[best], l.bytes)
		slot[i] = best
	}
	return slot, sizes
}

func overlaps(l life, others []life) bool {
	for _, o := range others {
		if l.first <= o.last && o.first <= l.last {
			return true
		}
	}
	return false
}
