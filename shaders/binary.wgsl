// binary: y[i] = a[i] op b[i], with broadcasting
//
//     binding 0  a  any shape that broadcasts to y's, of Element  read
//     binding 1  b  likewise, of Element                          read
//     binding 2  y  [d0, ..., d5] of Element                      write, read (ONTO)
//     binding 3  sizes
//
// y has six dimensions; a result of lower rank gets outer dimensions of 1. A stride of
// 0 repeats an argument along a dimension. An Element is an f32, or a vec4 if no argument
// repeats along d5 and all d5 are multiples of 4. Sizes count Elements. An invocation
// computes one Element. Grid: flat(N).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
// Choice: 0 add, 1 subtract, 2 multiply, 3 divide.
const KIND = 0u;
const ONTO = 0u; // the argument that is in y: 0 none, 1 a, 2 b
const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
    b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
}
@group(0) @binding(0) var<storage, read> a: array<Element>;
@group(0) @binding(1) var<storage, read> b: array<Element>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

fn left(i: u32) -> Element {
    if (ONTO == 1u) { return y[i]; }
    return a[i];
}

fn right(i: u32) -> Element {
    if (ONTO == 2u) { return y[i]; }
    return b[i];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var rest = i;
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
    let p = left(i0 * sizes.a0 + i1 * sizes.a1 + i2 * sizes.a2 + i3 * sizes.a3 + i4 * sizes.a4 + i5 * sizes.a5);
    let q = right(i0 * sizes.b0 + i1 * sizes.b1 + i2 * sizes.b2 + i3 * sizes.b3 + i4 * sizes.b4 + i5 * sizes.b5);
    if (KIND == 0u) {
        y[i] = p + q;
    } else if (KIND == 1u) {
        y[i] = p - q;
    } else if (KIND == 2u) {
        y[i] = p * q;
    } else {
        y[i] = p / q;
    }
}
