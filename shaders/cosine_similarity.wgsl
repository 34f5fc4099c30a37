// cosine_similarity: y[..] = sum_i a[..,i] * b[..,i] / (max(sqrt(sum_i a[..,i]^2), eps) * max(sqrt(sum_i b[..,i]^2), eps))
//
//     binding 0  a  any shape that broadcasts with b's  read
//     binding 1  b  likewise                            read
//     binding 2  y  [d0, ..., d5]                       write
//     binding 3  sizes
//
// y has six dimensions. The dimension of i is 1. A result of lower rank gets outer
// dimensions of 1. A stride of 0 repeats an argument along a dimension. step_a and
// step_b are the strides along i. An invocation computes one element. Grid: flat(N).

//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
    b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
    along: u32, step_a: u32, step_b: u32, eps: f32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let k = flat_index(global, groups, WG);
    if (k >= sizes.n) {
        return;
    }
    var rest = k;
    let i5 = rest % sizes.d5;
    rest /= sizes.d5;
    let i4 = rest % sizes.d4;
    rest /= sizes.d4;
    let i3 = rest % sizes.d3;
    rest /= sizes.d3;
    let i2 = rest % sizes.d2;
    rest /= sizes.d2;
    let i1 = rest % sizes.d1;
    let i0 = rest / sizes.d1;
    let at_a = i0 * sizes.a0 + i1 * sizes.a1 + i2 * sizes.a2 + i3 * sizes.a3 + i4 * sizes.a4 + i5 * sizes.a5;
    let at_b = i0 * sizes.b0 + i1 * sizes.b1 + i2 * sizes.b2 + i3 * sizes.b3 + i4 * sizes.b4 + i5 * sizes.b5;
    var ab = 0.0;
    var aa = 0.0;
    var bb = 0.0;
    for (var i = 0u; i < sizes.along; i += 1u) {
        let p = a[at_a + i * sizes.step_a];
        let q = b[at_b + i * sizes.step_b];
        ab += p * q;
        aa += p * p;
        bb += q * q;
    }
    y[k] = ab / (max(sqrt(aa), sizes.eps) * max(sqrt(bb), sizes.eps));
}
