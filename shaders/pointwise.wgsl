// pointwise: y[i] = f(x[i], a[i], b[i], c[i]) with broadcasting, f a chain of functions
//
//     binding 0  x  any shape that broadcasts to y's, of Element  read
//     binding 1  a  likewise, of Element                          read
//     binding 2  b  likewise, of Element                          read
//     binding 3  c  likewise, of Element                          read
//     binding 4  y  [d0, ..., d5] of Element                      write, read (ONTO)
//     binding 5  sizes
//
// Only the first ARGS arguments exist. y has DIMS dimensions: d0 and the last ones of d1 to
// d5. The caller joins neighbours along which all arguments go on alike. A stride of 0
// repeats an argument along a dimension. An Element is an f32, or a vec4 if no argument
// repeats along the last dimension and all have a multiple of 4 there. Sizes count Elements.
// The function number k of the chain has the parameters pk and qk. An invocation computes
// one Element. Grid: flat(N).

//wgsl:import functions
//wgsl:import pairs
//wgsl:import index

// Choice: f32 or vec4<f32>, and the same of u32 and bool.
alias Element = f32;
alias Words = u32;
alias Flags = bool;
// Choice.
const ARGS = 2u;
const ONTO = 0u; // the argument that is in y, from 1; 0 is none
const DIMS = 6u;
const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32,
    a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
    b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
    c0: u32, c1: u32, c2: u32, c3: u32, c4: u32, c5: u32,
    p0: f32, q0: f32, p1: f32, q1: f32, p2: f32, q2: f32, p3: f32, q3: f32,
    p4: f32, q4: f32, p5: f32, q5: f32, p6: f32, q6: f32, p7: f32, q7: f32,
    p8: f32, q8: f32, p9: f32, q9: f32, p10: f32, q10: f32, p11: f32, q11: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> a: array<Element>;
@group(0) @binding(2) var<storage, read> b: array<Element>;
@group(0) @binding(3) var<storage, read> c: array<Element>;
@group(0) @binding(4) var<storage, read_write> y: array<Element>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// Choice: the functions, each inside the next.
fn chosen_chain(v: Element, x: Element, a: Element, b: Element, c: Element) -> Element { return v; }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var rest = i;
    var at = vec4<u32>();
    if (DIMS > 1u) {
        at += vec4<u32>(sizes.x5, sizes.a5, sizes.b5, sizes.c5) * (rest % sizes.d5);
        rest /= sizes.d5;
    }
    if (DIMS > 2u) {
        at += vec4<u32>(sizes.x4, sizes.a4, sizes.b4, sizes.c4) * (rest % sizes.d4);
        rest /= sizes.d4;
    }
    if (DIMS > 3u) {
        at += vec4<u32>(sizes.x3, sizes.a3, sizes.b3, sizes.c3) * (rest % sizes.d3);
        rest /= sizes.d3;
    }
    if (DIMS > 4u) {
        at += vec4<u32>(sizes.x2, sizes.a2, sizes.b2, sizes.c2) * (rest % sizes.d2);
        rest /= sizes.d2;
    }
    if (DIMS > 5u) {
        at += vec4<u32>(sizes.x1, sizes.a1, sizes.b1, sizes.c1) * (rest % sizes.d1);
        rest /= sizes.d1;
    }
    at += vec4<u32>(sizes.x0, sizes.a0, sizes.b0, sizes.c0) * rest;
    var before = Element(0.0);
    if (ONTO > 0u) {
        before = y[i];
    }
    var x_i = before;
    var a_i = before;
    var b_i = before;
    var c_i = before;
    if (ONTO != 1u) {
        x_i = x[at.x];
    }
    if (ARGS > 1u && ONTO != 2u) {
        a_i = a[at.y];
    }
    if (ARGS > 2u && ONTO != 3u) {
        b_i = b[at.z];
    }
    if (ARGS > 3u && ONTO != 4u) {
        c_i = c[at.w];
    }
    y[i] = chosen_chain(x_i, x_i, a_i, b_i, c_i);
}
