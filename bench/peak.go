package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/shaders"
)

// Peak holds the highest measured rates of a device: the best of several dispatches,
// because other work can only make them slower. If the median and the least are far
// below the best, the machine is busy.
type Peak struct {
	GFLOPS       float64 `json:"gflops"` // multiply-adds in float32, counted as two
	GFLOPSMedian float64 `json:"gflops_median"`
	GFLOPSLeast  float64 `json:"gflops_least"`

	GBS       float64 `json:"gigabytes_per_second"` // copied: read and written
	GBSMedian float64 `json:"gigabytes_per_second_median"`
	GBSLeast  float64 `json:"gigabytes_per_second_least"`
}

// turns is how often the measurements of the two rates alternate. A busy moment then
// does not spoil one of them.
const turns = 3

// enough is how long a measured dispatch must take: long enough for latency to be
// negligible, and short enough to run undisturbed between other work.
func enough(kind shaders.Kind) time.Duration {
	if kind == shaders.CPU {
		return 4 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// MeasurePeak runs one kernel that only multiplies and adds and one that only copies.
func MeasurePeak(ctx context.Context, d *gpu.Device) (Peak, error) {
	if err := ctx.Err(); err != nil {
		return Peak{}, err
	}
	var flops, bytes []float64
	rounds, err := longEnough(d)
	if err != nil {
		return Peak{}, fmt.Errorf("bench: peak: %w", err)
	}
	for range turns {
		r, err := multiply(d, rounds, 30)
		if err != nil {
			return Peak{}, fmt.Errorf("bench: peak: %w", err)
		}
		flops = append(flops, r...)
		if r, err = copies(d, 2); err != nil {
			return Peak{}, fmt.Errorf("bench: peak: %w", err)
		}
		bytes = append(bytes, r...)
		if err := ctx.Err(); err != nil {
			return Peak{}, err
		}
	}
	slices.Sort(flops)
	slices.Sort(bytes)
	return Peak{
		flops[len(flops)-1], middle(flops), flops[0],
		bytes[len(bytes)-1], middle(bytes), bytes[0],
	}, nil
}

// longEnough doubles the rounds of a dispatch of multiply-adds until it takes enough
// time, and returns the rounds.
func longEnough(d *gpu.Device) (rounds int, err error) {
	for rounds = 64; rounds < 1<<24; rounds *= 2 {
		_, flops := shaders.PeakFMA(invocations(d), rounds)
		rates, err := multiply(d, rounds, 3)
		if err != nil {
			return 0, err
		}
		if float64(flops)/slices.Max(rates)/1e9 >= enough(d.Info().Kind()).Seconds() {
			break
		}
	}
	return rounds, nil
}

// invocations is the size of a dispatch of multiply-adds. It fills the device.
func invocations(d *gpu.Device) int {
	if d.Info().Kind() == shaders.CPU {
		return 64 * 64
	}
	return 64 * 4096
}

// multiply returns the rates of multiply-adds, in GFLOP/s.
func multiply(d *gpu.Device, rounds, runs int) ([]float64, error) {
	n := invocations(d)
	k, flops := shaders.PeakFMA(n, rounds)
	times, err := d.Time(k, []int64{16 * int64(n)}, runs)
	return rates(flops, times), err
}

// copies returns the rates of copying, in GB/s. Its arrays are as large as can be
// bound, too large for a cache.
func copies(d *gpu.Device, runs int) ([]float64, error) {
	info := d.Info()
	size := min(info.Limits.StorageBinding, info.MaxBufferSize, 256<<20) &^ 4095
	k, moved := shaders.PeakCopy(size)
	times, err := d.Time(k, []int64{size, size}, runs)
	return rates(moved, times), err
}

// rates returns the rate for each of the times, in 1e9 per second.
func rates(done int64, times []time.Duration) []float64 {
	var r []float64
	for _, t := range times {
		r = append(r, float64(done)/t.Seconds()/1e9)
	}
	return r
}

// middle returns the median of sorted numbers. For an even count it is the mean of
// the two in the middle.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianAndLeast returns the median and the smallest of at least one number.
func medianAndLeast(numbers []float64) (median, least float64) {
	sorted := slices.Sorted(slices.Values(numbers))
	return middle(sorted), sorted[0]
}
