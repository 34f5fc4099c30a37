// rms_norm_row: y[m,i] = x[m,i] / sqrt(sum_j x[m,j]^2 / N + eps) * w[i]
//
//     binding 0  x  [M, N]  read
//     binding 1  w  [N]     read (HAS_WEIGHT)
//     binding 2  y  [M, N]  write
//     binding 3  sizes
//
// A workgroup computes a row. Grid: flat(M), in workgroups.

//wgsl:import row

// Choice: WG is a power of two.
const HAS_WEIGHT = true;
const WG = 64u;

struct Sizes { m: u32, n: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let first = m * sizes.n;
    var squares = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = lane; begin < sizes.n; begin += 64u * WG) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u * WG, sizes.n); i += WG) {
            part += x[first + i] * x[first + i];
        }
        squares += part;
    }
    let scale = 1.0 / sqrt(row_sum(lane, squares) / f32(sizes.n) + sizes.eps);
    for (var i = lane; i < sizes.n; i += WG) {
        var v = x[first + i] * scale;
        if (HAS_WEIGHT) {
            v *= w[i];
        }
        y[first + i] = v;
    }
}
