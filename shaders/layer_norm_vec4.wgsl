// layer_norm_vec4: y[m,i] = (x[m,i] - mean[m]) / sqrt(variance[m] + eps) * w[i] + b[i]
//
//     binding 0  x  [M, N/4] of vec4  read
//     binding 1  w  [N/4] of vec4     read (HAS_WEIGHT)
//     binding 2  b  [N/4] of vec4     read (HAS_BIAS)
//     binding 3  y  [M, N/4] of vec4  write
//     binding 4  sizes
//
// An invocation computes a row in two passes. The first finds mean and variance by
// Welford's method, in four streams that it then joins. The second computes the result.
// All invocations read the same elements of w and b at the same time. Grid: flat(M).

//wgsl:import index

// Choice.
const HAS_WEIGHT = true;
const HAS_BIAS = true;
const WG = 64u;

struct Sizes { m: u32, n4: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let m = flat_index(global, groups, WG);
    if (m >= sizes.m) {
        return;
    }
    let first = m * sizes.n4;
    // Distances from the first element are small where the mean is large.
    let origin = x[first].x;
    var means = x[first] - origin;
    var squares = vec4<f32>(0.0);
    var count = 1.0;
    for (var i = 1u; i < sizes.n4; i += 1u) {
        count += 1.0;
        let v = x[first + i] - origin;
        let d = v - means;
        means += d * (1.0 / count);
        squares += d * (v - means);
    }
    let mean = dot(means, vec4<f32>(0.25));
    let apart = means - mean;
    let variance = dot(squares / count + apart * apart, vec4<f32>(0.25));
    let scale = 1.0 / sqrt(variance + sizes.eps);
    for (var i = 0u; i < sizes.n4; i += 1u) {
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
