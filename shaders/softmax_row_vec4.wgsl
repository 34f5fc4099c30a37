// softmax_row_vec4: y[m,i] = exp(x[m,i] - largest) / sum_j exp(x[m,j] - largest), largest = max_j x[m,j]
//     with LOG the logarithm of that (log_softmax)
//
//     binding 0  x  [M, N/4] of vec4  read
//     binding 1  y  [M, N/4] of vec4  write
//     binding 2  sizes
//
// A workgroup computes a row in three passes: largest, sum, result.
// Grid: flat(M), in workgroups.

//wgsl:import row

// Choice; WG is a power of two.
const LOG = false;
const WG = 64u;

struct Sizes { m: u32, n4: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let first = m * sizes.n4;
    var part = x[first];
    for (var i = lane; i < sizes.n4; i += WG) {
        part = max(part, x[first + i]);
    }
    let largest = row_max(lane, max(max(part.x, part.y), max(part.z, part.w)));
    part = vec4<f32>(0.0);
    for (var i = lane; i < sizes.n4; i += WG) {
        part += exp(x[first + i] - largest);
    }
    let sum = row_sum(lane, dot(part, vec4<f32>(1.0)));
    let log_sum = log(sum);
    for (var i = lane; i < sizes.n4; i += WG) {
        let d = x[first + i] - largest;
        if (LOG) {
            y[first + i] = d - log_sum;
        } else {
            y[first + i] = exp(d) / sum;
        }
    }
}
