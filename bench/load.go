package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Load watches how busy other processes keep the processors.
type Load struct {
	start time.Time
	spent time.Duration // by others, since the machine started
	known bool
}

// WatchLoad begins to watch.
func WatchLoad() Load {
	spent, known := othersSpent()
	return Load{time.Now(), spent, known}
}

// Others returns how many cores other processes and the hypervisor have kept busy since
// WatchLoad, on average. It returns nil if the system does not tell.
func (l Load) Others() *float64 {
	spent, known := othersSpent()
	took := time.Since(l.start)
	if !known || !l.known || took <= 0 {
		return nil
	}
	// The system counts hundredths of a second, which is too coarse for short times.
	cores := max(0, min((spent-l.spent).Seconds()/took.Seconds(), float64(runtime.NumCPU())))
	return &cores
}

// othersSpent returns the processor time of all other processes, on Linux.
func othersSpent() (time.Duration, bool) {
	all, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	ticks, ok := otherTicks(string(all), string(own))
	return time.Duration(ticks) * time.Second / 100, ok
}

// otherTicks subtracts a process's /proc/PID/stat from /proc/stat, in hundredths
// of a second.
func otherTicks(all, own string) (ticks int64, ok bool) {
	line, _, _ := strings.Cut(all, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, false
	}
	// user, nice, system, idle, iowait, irq, softirq, steal
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, false
		}
		ticks += n
	}
	// The second field, the program's name in parentheses, may contain spaces.
	f = strings.Fields(own[strings.LastIndexByte(own, ')')+1:])
	if len(f) < 13 {
		return 0, false
	}
	for _, i := range []int{11, 12} { // user, system
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, false
		}
		ticks -= n
	}
	return ticks, true
}
