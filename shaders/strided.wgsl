// strided: y[.., i1, i0] = x[base + i0*s0 + i1*s1 + ..]
//
//     binding 0  x  any shape of Element     read
//     binding 1  y  [.., E1, E0] of Element  write
//     binding 2  sizes
//
// Dimensions are numbered from the innermost, and there are RANK of them. An Element is
// an f32 or a vec4. It is a vec4 if s0 is 1 and e0, the base and all other strides are
// multiples of 4. Sizes count Elements. An invocation copies one Element.
// Grid: flat(N).

//wgsl:import index

// Choice: f32 or vec4<f32>; dimensions.
alias Element = f32;
const RANK = 6u;
const WG = 64u;

struct Sizes {
    n: u32, base: u32,
    e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var at = sizes.base + i % sizes.e0 * sizes.s0;
    var rest = i / sizes.e0;
    if (RANK > 1u) {
        at += rest % sizes.e1 * sizes.s1;
        rest /= sizes.e1;
    }
    if (RANK > 2u) {
        at += rest % sizes.e2 * sizes.s2;
        rest /= sizes.e2;
    }
    if (RANK > 3u) {
        at += rest % sizes.e3 * sizes.s3;
        rest /= sizes.e3;
    }
    if (RANK > 4u) {
        at += rest % sizes.e4 * sizes.s4;
        rest /= sizes.e4;
    }
    if (RANK > 5u) {
        at += rest % sizes.e5 * sizes.s5;
    }
    y[i] = x[at];
}
