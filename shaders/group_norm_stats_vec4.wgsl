// group_norm_stats_vec4: stats[b,g] = (origin, mean - origin, 1 / sqrt(variance + eps)) of x[b, :, g*CG:(g+1)*CG]
//
//     binding 0  x      [B, P, C/4] of vec4  read
//     binding 1  stats  [B, C/CG] of vec4    write
//     binding 2  sizes
//
// The origin is the first element. Distances from it are small where the mean is large.
// A workgroup computes one vector: the mean, then the variance about it. It reads all
// channels of the group at one place, and then those at the next.
// Grid: flat(B*C/CG), in workgroups.

//wgsl:import row

// Choice: a power of two.
const WG = 64u;

struct Sizes { m: u32, places: u32, c4: u32, cg4: u32, eps: f32 } // m counts vectors
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn row(m: u32, lane: u32) {
    let per_image = sizes.c4 / sizes.cg4;
    let first = m / per_image * sizes.places * sizes.c4 + m % per_image * sizes.cg4;
    let n = sizes.places * sizes.cg4;
    let origin = x[first].x;
    var sum = vec4<f32>();
    // Sums of sums of 64 round less than one long sum.
    for (var begin = lane; begin < n; begin += 64u * WG) {
        var part = vec4<f32>();
        for (var i = begin; i < min(begin + 64u * WG, n); i += WG) {
            part += x[first + i / sizes.cg4 * sizes.c4 + i % sizes.cg4] - origin;
        }
        sum += part;
    }
    let mean = row_sum(lane, dot(sum, vec4<f32>(1.0))) / f32(4u * n);
    var squares = vec4<f32>();
    for (var begin = lane; begin < n; begin += 64u * WG) {
        var part = vec4<f32>();
        for (var i = begin; i < min(begin + 64u * WG, n); i += WG) {
            let d = x[first + i / sizes.cg4 * sizes.c4 + i % sizes.cg4] - origin - mean;
            part += d * d;
        }
        squares += part;
    }
    let variance = row_sum(lane, dot(squares, vec4<f32>(1.0))) / f32(4u * n);
    if (lane == 0u) {
        stats[m] = vec4<f32>(origin, mean, 1.0 / sqrt(variance + sizes.eps), 0.0);
    }
}
