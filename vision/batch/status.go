package batch

import (
	"cmp"
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"time"
)

// Status says how far a job is. All of it is from the files.
type Status struct {
	Units, Done int
	Pictures    int           // of the job, about as many in each unit
	Rate        float64       // pictures a second of late
	Left        time.Duration // at this rate; 0 if it is not known
	Workers     []WorkerStatus
	Dead        []Letter  // of units without a file
	First, Last time.Time // when files were made
}

// WorkerStatus says what a worker has done of late.
type WorkerStatus struct {
	Name, Device string
	Units        int     // among the latest
	Pictures     int     // in these
	Errors       int     // pictures without a result
	Rate         float64 // pictures for each second of its work
	Last         time.Time
}

// latest is the number of files that a Status looks into.
const latest = 64

// Status looks how far the job is.
func (j *Job) Status(ctx context.Context) (Status, error) {
	s := Status{Units: j.Units(), Pictures: j.Pictures()}
	type made struct {
		unit int
		at   time.Time
	}
	var all []made
	there := map[int]bool{}
	for e, err := range j.Out.List(ctx) {
		if err != nil {
			return s, err
		}
		if n, kind, ok := unitOf(e.Path); ok && kind == 1 && n < s.Units {
			all = append(all, made{n, e.Time})
			there[n] = true
		}
	}
	letters, err := Letters(ctx, j.Out, "")
	if err != nil {
		return s, err
	}
	s.Dead = latestLetters(letters, there)
	if s.Done = len(all); s.Done == 0 {
		return s, nil
	}
	slices.SortFunc(all, func(a, b made) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.unit, b.unit)) })
	s.First, s.Last = all[0].at, all[len(all)-1].at
	all = all[max(0, len(all)-latest):]
	workers := map[string]*WorkerStatus{}
	seconds := map[string]float64{}
	pictures := 0 // made after the first of the latest
	for i, m := range all {
		r, rows, err := j.reportOf(ctx, m.unit)
		if err != nil {
			return s, err
		}
		if i > 0 {
			pictures += rows
		}
		w := workers[r.Worker]
		if w == nil {
			w = &WorkerStatus{Name: r.Worker}
			workers[r.Worker] = w
		}
		w.Device, w.Last = r.Device, m.at
		w.Units++
		w.Pictures += r.Pictures
		w.Errors += r.Errors
		seconds[r.Worker] += r.Seconds
	}
	for _, name := range slices.Sorted(maps.Keys(workers)) {
		w := workers[name]
		if seconds[name] > 0 {
			w.Rate = float64(w.Pictures) / seconds[name]
		}
		s.Workers = append(s.Workers, *w)
	}
	if span := s.Last.Sub(all[0].at).Seconds(); span > 0 {
		s.Rate = float64(pictures) / span
		if s.Rate > 0 && s.Units > 0 {
			left := float64(s.Units-s.Done) / float64(s.Units) * float64(s.Pictures) / s.Rate
			s.Left = time.Duration(left * float64(time.Second))
		}
	}
	return s, nil
}

// latestLetters returns one letter for each unit that has no file.
func latestLetters(all []Letter, there map[int]bool) []Letter {
	dead := map[int]Letter{}
	for _, l := range all {
		if !there[l.Unit] {
			dead[l.Unit] = l
		}
	}
	var out []Letter
	for _, n := range slices.Sorted(maps.Keys(dead)) {
		out = append(out, dead[n])
	}
	return out
}

// reportOf reads the report in the file of a unit, and the number of its rows.
func (j *Job) reportOf(ctx context.Context, n int) (Report, int, error) {
	p, err := openPart(ctx, j.Out, PartFile(n))
	if err != nil {
		return Report{}, 0, err
	}
	defer p.file.Close()
	r, err := p.report()
	return r, int(p.NumRows()), err
}

// Count reads the rows of all units that have a file: how many there are, how many paths
// they have, and how many rows have an error. Paths are told apart by their hashes.
func (j *Job) Count(ctx context.Context) (rows, paths, errors int, err error) {
	missing, err := j.Missing(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	seed, seen := maphash.MakeSeed(), map[uint64]bool{}
	for n := range j.Units() {
		if _, not := slices.BinarySearch(missing, n); not {
			continue
		}
		p, err := openPart(ctx, j.Out, PartFile(n))
		if err != nil {
			return rows, paths, errors, err
		}
		all, err := readRows[row](p, PartFile(n))
		if p.file.Close(); err != nil {
			return rows, paths, errors, err
		}
		for _, r := range all {
			rows++
			seen[maphash.String(seed, r.Path)] = true
			if r.Error != "" {
				errors++
			}
		}
	}
	return rows, len(seen), errors, nil
}
