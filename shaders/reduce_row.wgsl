// reduce_row: y[m] = mean, sum, max or min over i of x[m,i]
//
//     binding 0  x  [M, N]  read
//     binding 1  y  [M]     write
//     binding 2  sizes
//
// A workgroup computes one element. Grid: flat(M), in workgroups.

//wgsl:import row

// Choice: 0 mean, 1 sum, 2 max, 3 min; WG is a power of two.
const KIND = 0u;
const WG = 64u;

struct Sizes { m: u32, n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let first = m * sizes.n;
    if (KIND < 2u) {
        var sum = 0.0;
        // Sums of sums of 64 round less than one long sum.
        for (var begin = lane; begin < sizes.n; begin += 64u * WG) {
            var part = 0.0;
            for (var i = begin; i < min(begin + 64u * WG, sizes.n); i += WG) {
                part += x[first + i];
            }
            sum += part;
        }
        var result = row_sum(lane, sum);
        if (KIND == 0u) {
            result /= f32(sizes.n);
        }
        if (lane == 0u) {
            y[m] = result;
        }
    } else {
        // min(x) is -max(-x).
        let turn = select(1.0, -1.0, KIND == 3u);
        var largest = turn * x[first];
        var nan = 0.0; // 1 if there is one, which max may drop
        for (var i = lane; i < sizes.n; i += WG) {
            let v = x[first + i];
            largest = max(largest, turn * v);
            if ((bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u) {
                nan = 1.0;
            }
        }
        var result = turn * row_max(lane, largest);
        nan = row_max(lane, nan);
        if (nan > 0.0) {
            result = bitcast<f32>(bitcast<u32>(nan) | 0x7fc00000u);
        }
        if (lane == 0u) {
            y[m] = result;
        }
    }
}
