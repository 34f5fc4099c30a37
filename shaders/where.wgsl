// where: y[i] = a[i] if c[i] != 0, else b[i], with broadcasting
//
//     binding 0  c  any shape that broadcasts to y's, of Element  read
//     binding 1  a  likewise, of Element                          read
//     binding 2  b  likewise, of Element                          read
//     binding 3  y  [d0, ..., d5] of Element                      write
//     binding 4  sizes
//
// y has six dimensions; a result of lower rank gets outer dimensions of 1. A stride of 0
// repeats an argument along a dimension. An Element is an f32, or a vec4 if no argument
// repeats along d5 and all d5 are multiples of 4. Sizes count Elements. An invocation
// computes one Element. Grid: flat(N).

//wgsl:import bits
//wgsl:import index

// Choice: f32 or vec4<f32>, and the same of u32 and bool.
alias Element = f32;
alias Words = u32;
alias Flags = bool;
// Choice.
const DIMS = 6u;
const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    c0: u32, c1: u32, c2: u32, c3: u32, c4: u32, c5: u32,
    a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
    b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
}
@group(0) @binding(0) var<storage, read> c: array<Element>;
@group(0) @binding(1) var<storage, read> a: array<Element>;
@group(0) @binding(2) var<storage, read> b: array<Element>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var rest = i;
    var at = vec3<u32>();
    if (DIMS > 1u) {
        at += vec3<u32>(sizes.c5, sizes.a5, sizes.b5) * (rest % sizes.d5);
        rest /= sizes.d5;
    }
    if (DIMS > 2u) {
        at += vec3<u32>(sizes.c4, sizes.a4, sizes.b4) * (rest % sizes.d4);
        rest /= sizes.d4;
    }
    if (DIMS > 3u) {
        at += vec3<u32>(sizes.c3, sizes.a3, sizes.b3) * (rest % sizes.d3);
        rest /= sizes.d3;
    }
    if (DIMS > 4u) {
        at += vec3<u32>(sizes.c2, sizes.a2, sizes.b2) * (rest % sizes.d2);
        rest /= sizes.d2;
    }
    if (DIMS > 5u) {
        at += vec3<u32>(sizes.c1, sizes.a1, sizes.b1) * (rest % sizes.d1);
        rest /= sizes.d1;
    }
    at += vec3<u32>(sizes.c0, sizes.a0, sizes.b0) * rest;
    let p = c[at.x];
    y[i] = select(a[at.y], b[at.z], (p == Element(0.0)) & !is_nan(p));
}
