// softmax_held_vec4: y[m,i] = exp(x[m,i] - largest) / sum_j exp(x[m,j] - largest), largest = max_j x[m,j]
//     with LOG the logarithm of that (log_softmax)
//
//     binding 0  x  [M, N/4] of vec4  read
//     binding 1  y  [M, N/4] of vec4  write
//     binding 2  sizes, where N is at most 16*WG
//
// A workgroup computes a row. It reads the row once: an invocation keeps four vec4s, WG
// apart. Grid: flat(M), in workgroups.

//wgsl:import row

// Choice; WG is a power of two.
const LOG = false;
const WG = 64u;

struct Sizes { m: u32, n4: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// power returns exp(d), and 0 beyond the end of the row.
fn power(i: u32, d: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(), exp(d), i < sizes.n4);
}

fn store(first: u32, i: u32, v: vec4<f32>) {
    if (i < sizes.n4) {
        y[first + i] = v;
    }
}

fn row(m: u32, lane: u32) {
    let first = m * sizes.n4;
    let last = sizes.n4 - 1u;
    let i0 = lane;
    let i1 = lane + WG;
    let i2 = lane + 2u * WG;
    let i3 = lane + 3u * WG;
    var a0 = x[first + min(i0, last)];
    var a1 = x[first + min(i1, last)];
    var a2 = x[first + min(i2, last)];
    var a3 = x[first + min(i3, last)];
    let four = max(max(a0, a1), max(a2, a3));
    let largest = row_max(lane, max(max(four.x, four.y), max(four.z, four.w)));
    a0 -= largest;
    a1 -= largest;
    a2 -= largest;
    a3 -= largest;
    let p0 = power(i0, a0);
    let p1 = power(i1, a1);
    let p2 = power(i2, a2);
    let p3 = power(i3, a3);
    let sum = row_sum(lane, dot(p0 + p1 + p2 + p3, vec4<f32>(1.0)));
    if (LOG) {
        let log_sum = log(sum);
        store(first, i0, a0 - log_sum);
        store(first, i1, a1 - log_sum);
        store(first, i2, a2 - log_sum);
        store(first, i3, a3 - log_sum);
    } else {
        store(first, i0, p0 / sum);
        store(first, i1, p1 / sum);
        store(first, i2, p2 / sum);
        store(first, i3, p3 / sum);
    }
}
