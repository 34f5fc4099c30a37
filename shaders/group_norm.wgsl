// group_norm: y[b,p,c] = (x[b,p,c] - origin[b,g] - mean[b,g]) * scale[b,g] * w[c] + bias[c], g = c / CG
//
//     binding 0  x      [B, P, C] of Element  read
//     binding 1  w      [C] of Element        read (HAS_WEIGHT)
//     binding 2  bias   [C] of Element        read (HAS_BIAS)
//     binding 3  y      [B, P, C] of Element  write
//     binding 4  stats  [B, C/CG] of vec4     read: origin, mean and scale, of group_norm_stats
//     binding 5  sizes
//
// An Element is an f32, or a vec4 if CG is a multiple of 4. Sizes count Elements. An
// invocation computes one Element. Grid: flat(B*P*C).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const HAS_WEIGHT = true;
const HAS_BIAS = true;
const WG = 64u;

struct Sizes { n: u32, places: u32, c: u32, cg: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> w: array<Element>;
@group(0) @binding(2) var<storage, read> bias: array<Element>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(0) @binding(4) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c;
    let image = i / (sizes.c * sizes.places);
    let s = stats[image * (sizes.c / sizes.cg) + c / sizes.cg];
    var v = (x[i] - s.x - s.y) * s.z;
    if (HAS_WEIGHT) {
        v *= w[c];
    }
    if (HAS_BIAS) {
        v += bias[c];
    }
    y[i] = v;
}
