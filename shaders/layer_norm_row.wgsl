// layer_norm_row: y[m,i] = (x[m,i] - mean[m]) / sqrt(variance[m] + eps) * w[i] + b[i]
//
//     binding 0  x  [M, N]  read
//     binding 1  w  [N]     read (HAS_WEIGHT)
//     binding 2  b  [N]     read (HAS_BIAS)
//     binding 3  y  [M, N]  write
//     binding 4  sizes
//
// A workgroup computes a row in three passes: mean, variance about the mean, result.
// Grid: flat(M), in workgroups.

//wgsl:import row

// Choice: a power of two.
const WG = 64u;
const HAS_WEIGHT = true;
const HAS_BIAS = true;

struct Sizes { m: u32, n: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let first = m * sizes.n;
    // Distances from the first element are small where the mean is large.
    let origin = x[first];
    var sum = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = lane; begin < sizes.n; begin += 64u * WG) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u * WG, sizes.n); i += WG) {
            part += x[first + i] - origin;
        }
        sum += part;
    }
    let mean = row_sum(lane, sum) / f32(sizes.n);
    var squares = 0.0;
    for (var begin = lane; begin < sizes.n; begin += 64u * WG) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u * WG, sizes.n); i += WG) {
            let d = x[first + i] - origin - mean;
            part += d * d;
        }
        squares += part;
    }
    let scale = 1.0 / sqrt(row_sum(lane, squares) / f32(sizes.n) + sizes.eps);
    for (var i = lane; i < sizes.n; i += WG) {
        var v = (x[first + i] - origin - mean) * scale;
        if (HAS_WEIGHT) {
            v *= w[i];
        }
        if (HAS_BIAS) {
            v += b[i];
        }
        y[first + i] = v;
    }
}
