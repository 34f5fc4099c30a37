// layer_norm_row_vec4: y[m,i] = (x[m,i] - mean[m]) / sqrt(variance[m] + eps) * w[i] + b[i]
//
//     binding 0  x  [M, N/4] of vec4  read
//     binding 1  w  [N/4] of vec4     read (HAS_WEIGHT)
//     binding 2  b  [N/4] of vec4     read (HAS_BIAS)
//     binding 3  y  [M, N/4] of vec4  write
//     binding 4  sizes
//
// A workgroup computes a row in three passes: mean, variance about the mean, result.
// Grid: flat(M), in workgroups.

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

fn row(m: u32, lane: u32) {
    let first = m * sizes.n4;
    let n = f32(sizes.n4) * 4.0;
    // Distances from the first element are small where the mean is large.
    let origin = x[first].x;
    var sum = vec4<f32>(0.0);
    // Sums of sums of 64 round less than one long sum.
    for (var begin = lane; begin < sizes.n4; begin += 64u * WG) {
        var part = vec4<f32>(0.0);
        for (var i = begin; i < min(begin + 64u * WG, sizes.n4); i += WG) {
            part += x[first + i] - origin;
        }
        sum += part;
    }
    let mean = row_sum(lane, dot(sum, vec4<f32>(1.0))) / n;
    var squares = vec4<f32>(0.0);
    for (var begin = lane; begin < sizes.n4; begin += 64u * WG) {
        var part = vec4<f32>(0.0);
        for (var i = begin; i < min(begin + 64u * WG, sizes.n4); i += WG) {
            let d = x[first + i] - origin - mean;
            part += d * d;
        }
        squares += part;
    }
    let scale = 1.0 / sqrt(row_sum(lane, dot(squares, vec4<f32>(1.0))) / n + sizes.eps);
    for (var i = lane; i < sizes.n4; i += WG) {
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
