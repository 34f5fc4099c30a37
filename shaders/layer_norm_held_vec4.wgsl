// layer_norm_held_vec4: y[m,i] = (x[m,i] - mean[m]) / sqrt(variance[m] + eps) * w[i] + b[i]
//
//     binding 0  x  [M, N/4] of vec4  read
//     binding 1  w  [N/4] of vec4     read (HAS_WEIGHT)
//     binding 2  b  [N/4] of vec4     read (HAS_BIAS)
//     binding 3  y  [M, N/4] of vec4  write
//     binding 4  sizes, where N is at most 16*WG
//
// A workgroup computes a row. It reads the row once: an invocation keeps four vec4s, WG
// apart. Grid: flat(M), in workgroups.

//wgsl:import row

// Choice: a power of two.
const WG = 64u;
const HAS_WEIGHT = true;
const HAS_BIAS = true;

struct Sizes { m: u32, n4: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

// shifted returns v - by, and 0 beyond the end of the row.
fn shifted(i: u32, v: vec4<f32>, by: f32) -> vec4<f32> {
    return select(vec4<f32>(), v - by, i < sizes.n4);
}

fn sum(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> f32 {
    return dot(a + b + c + d, vec4<f32>(1.0));
}

fn store(first: u32, i: u32, v: vec4<f32>) {
    if (i >= sizes.n4) {
        return;
    }
    var to = v;
    if (HAS_WEIGHT) {
        to *= w[i];
    }
    if (HAS_BIAS) {
        to += b[i];
    }
    y[first + i] = to;
}

fn row(m: u32, lane: u32) {
    let first = m * sizes.n4;
    let last = sizes.n4 - 1u;
    let n = f32(sizes.n4) * 4.0;
    let i0 = lane;
    let i1 = lane + WG;
    let i2 = lane + 2u * WG;
    let i3 = lane + 3u * WG;
    let x0 = x[first + min(i0, last)];
    let x1 = x[first + min(i1, last)];
    let x2 = x[first + min(i2, last)];
    let x3 = x[first + min(i3, last)];
    // Distances from the first element are small where the mean is large.
    let origin = x[first].x;
    let a0 = shifted(i0, x0, origin);
    let a1 = shifted(i1, x1, origin);
    let a2 = shifted(i2, x2, origin);
    let a3 = shifted(i3, x3, origin);
    let mean = row_sum(lane, sum(a0, a1, a2, a3)) / n;
    let d0 = shifted(i0, a0, mean);
    let d1 = shifted(i1, a1, mean);
    let d2 = shifted(i2, a2, mean);
    let d3 = shifted(i3, a3, mean);
    let variance = row_sum(lane, sum(d0 * d0, d1 * d1, d2 * d2, d3 * d3)) / n;
    let scale = 1.0 / sqrt(variance + sizes.eps);
    store(first, i0, d0 * scale);
    store(first, i1, d1 * scale);
    store(first, i2, d2 * scale);
    store(first, i3, d3 * scale);
}
