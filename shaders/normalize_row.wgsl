// normalize_row: y[m,i] = x[m,i] / max(sqrt(sum_j x[m,j]^2), eps)
//
//     binding 0  x  [M, N]  read
//     binding 1  y  [M, N]  write
//     binding 2  sizes
//
// A workgroup computes a row. Grid: flat(M), in workgroups.

//wgsl:import row

// Choice: a power of two.
const WG = 64u;

struct Sizes { m: u32, n: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let first = m * sizes.n;
    var part = 0.0;
    for (var i = lane; i < sizes.n; i += WG) {
        let v = x[first + i];
        part += v * v;
    }
    let scale = 1.0 / max(sqrt(row_sum(lane, part)), sizes.eps);
    for (var i = lane; i < sizes.n; i += WG) {
        y[first + i] = x[first + i] * scale;
    }
}
