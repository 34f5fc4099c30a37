// Package bench measures: what a device can do at most, single kernels against
// that, and whole models.
package bench

import (
	"fmt"
	"sort"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/shaders"
)

// Peak is what a device was measured to do at most.
type Peak struct {
	FLOPS float64 `json:"flops"`            // multiply-adds in float32, counted as two, a second
	Copy  float64 `json:"bytes_per_second"` // read and written
}

// MeasurePeak runs kernels that only multiply and add, and only copy.
func MeasurePeak(d *gpu.Device) (Peak, error) {
	flops, err := measureFMA(d)
	if err != nil {
		return Peak{}, fmt.Errorf("bench: peak: %w", err)
	}
	copied, err := measureCopy(d)
	if err != nil {
		return Peak{}, fmt.Errorf("bench: peak: %w", err)
	}
	return Peak{flops, copied}, nil
}

// enough is how long a measured dispatch has to take, so that the way to the
// device and back does not count; short of what a desktop resets its GPU for.
const enough = 100 * time.Millisecond

// measureFMA makes dispatches longer until they take long enough.
func measureFMA(d *gpu.Device) (float64, error) {
	invocations := 64 * 4096
	if d.Info().Limits.Kind == shaders.CPU {
		invocations = 64 * 64
	}
	for rounds := 64; ; rounds *= 2 {
		k, flops := shaders.PeakFMA(invocations, rounds)
		times, err := d.Time(k, []int64{16 * int64(invocations)}, 3)
		if err != nil {
			return 0, err
		}
		if least := smallest(times); least >= enough || rounds >= 1<<24 {
			return float64(flops) / least.Seconds(), nil
		}
	}
}

// measureCopy copies arrays as large as can be bound, which no cache holds.
func measureCopy(d *gpu.Device) (float64, error) {
	info := d.Info()
	size := min(info.Limits.StorageBinding, info.MaxBufferSize, 256<<20) &^ 4095
	k, moved := shaders.PeakCopy(size)
	times, err := d.Time(k, []int64{size, size}, 5)
	if err != nil {
		return 0, err
	}
	return float64(moved) / smallest(times).Seconds(), nil
}

func smallest(times []time.Duration) time.Duration {
	least := times[0]
	for _, t := range times {
		least = min(least, t)
	}
	return least
}

// median is the middle of times, or the mean of the two in the middle.
func median(times []time.Duration) time.Duration {
	sorted := append([]time.Duration{}, times...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// milliseconds is a time as a number of them, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
