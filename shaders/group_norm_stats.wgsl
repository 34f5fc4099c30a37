// group_norm_stats: stats[b,g] = (mean, 1 / sqrt(variance + eps)) of x[b, :, g*CG:(g+1)*CG]
//
//     binding 0  x      [B, P, C]           read
//     binding 1  stats  [B, C/CG] of vec2   write
//     binding 2  sizes
//
// A workgroup computes one pair: mean, then the variance about it. It reads
// the channels of a group at a place side by side, then the next places.
// Grid: flat(B*C/CG), counted in workgroups.

//wgsl:import row

// Choice: a power of two.
const WG = 64u;

struct Sizes { n: u32, places: u32, c: u32, cg: u32, eps: f32 } // n pairs
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pair = group.y * groups.x + group.x;
    if (pair >= sizes.n) {
        return;
    }
    let per_image = sizes.c / sizes.cg;
    let first = pair / per_image * sizes.places * sizes.c + pair % per_image * sizes.cg;
    let n = sizes.places * sizes.cg;
    // A sum about the first element is small where the mean is large.
    let origin = x[first];
    var sum = 0.0;
    for (var i = lane; i < n; i += WG) {
        sum += x[first + i / sizes.cg * sizes.c + i % sizes.cg] - origin;
    }
    let mean = origin + row_sum(lane, sum) / f32(n);
    var squares = 0.0;
    for (var i = lane; i < n; i += WG) {
        let d = x[first + i / sizes.cg * sizes.c + i % sizes.cg] - mean;
        squares += d * d;
    }
    let variance = row_sum(lane, squares) / f32(n);
    if (lane == 0u) {
        stats[pair] = vec2<f32>(mean, 1.0 / sqrt(variance + sizes.eps));
    }
}
