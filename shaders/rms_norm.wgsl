// rms_norm: y[m,i] = x[m,i] / sqrt(sum_j x[m,j]^2 / N + eps) * w[i]
//
//     binding 0  x  [M, N]  read
//     binding 1  w  [N]     read (HAS_WEIGHT)
//     binding 2  y  [M, N]  write
//     binding 3  sizes
//
// An invocation computes a row. Grid: flat(M).

//wgsl:import index

// Choice.
const HAS_WEIGHT = true;
const WG = 64u;

struct Sizes { m: u32, n: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let m = flat_index(global, groups, WG);
    if (m >= sizes.m) {
        return;
    }
    let first = m * sizes.n;
    var squares = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = 0u; begin < sizes.n; begin += 64u) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u, sizes.n); i += 1u) {
            part += x[first + i] * x[first + i];
        }
        squares += part;
    }
    let scale = 1.0 / sqrt(squares / f32(sizes.n) + sizes.eps);
    for (var i = 0u; i < sizes.n; i += 1u) {
        var v = x[first + i] * scale;
        if (HAS_WEIGHT) {
            v *= w[i];
        }
        y[first + i] = v;
    }
}
