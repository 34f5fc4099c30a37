// pad: y[.., i1, i0] = x[.., i1-b1, i0-b0], or a value chosen by MODE outside x
//
//     binding 0  x  [.., N1, N0] of Element  read
//     binding 1  y  [.., E1, E0] of Element  write
//     binding 2  sizes
//
// Dimensions are numbered from the innermost, and there are RANK of them. A dimension
// begins with b added elements; a negative b crops. A roll is circular padding to the
// same size. An Element is an f32, or a vec4 if n0, e0 and b0 are multiples of 4. These
// three count Elements. An invocation computes one Element. Grid: flat(N).

//wgsl:import index

// Choice: f32 or vec4<f32>; MODE is 0 constant, 1 reflect, 2 replicate, 3 circular.
alias Element = f32;
const MODE = 0u;
const RANK = 6u;
const WG = 64u;

struct Sizes {
    n: u32, value: f32,
    e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,
    n0: u32, n1: u32, n2: u32, n3: u32, n4: u32, n5: u32,
    b0: i32, b1: i32, b2: i32, b3: i32, b4: i32, b5: i32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// inside maps an index to one in [0, n), or to -1 for the constant.
fn inside(i: i32, n: i32) -> i32 {
    if (i >= 0 && i < n) {
        return i;
    }
    if (MODE == 1u) {
        return select(2 * (n - 1) - i, -i, i < 0);
    }
    if (MODE == 2u) {
        return clamp(i, 0, n - 1);
    }
    if (MODE == 3u) {
        return select(i - n, i + n, i < 0);
    }
    return -1;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var k = inside(i32(i % sizes.e0) - sizes.b0, i32(sizes.n0));
    var outside = k < 0;
    var at = k;
    var rest = i / sizes.e0;
    var stride = i32(sizes.n0);
    if (RANK > 1u) {
        k = inside(i32(rest % sizes.e1) - sizes.b1, i32(sizes.n1));
        outside = outside || k < 0;
        at += k * stride;
        rest /= sizes.e1;
        stride *= i32(sizes.n1);
    }
    if (RANK > 2u) {
        k = inside(i32(rest % sizes.e2) - sizes.b2, i32(sizes.n2));
        outside = outside || k < 0;
        at += k * stride;
        rest /= sizes.e2;
        stride *= i32(sizes.n2);
    }
    if (RANK > 3u) {
        k = inside(i32(rest % sizes.e3) - sizes.b3, i32(sizes.n3));
        outside = outside || k < 0;
        at += k * stride;
        rest /= sizes.e3;
        stride *= i32(sizes.n3);
    }
    if (RANK > 4u) {
        k = inside(i32(rest % sizes.e4) - sizes.b4, i32(sizes.n4));
        outside = outside || k < 0;
        at += k * stride;
        rest /= sizes.e4;
        stride *= i32(sizes.n4);
    }
    if (RANK > 5u) {
        k = inside(i32(rest % sizes.e5) - sizes.b5, i32(sizes.n5));
        outside = outside || k < 0;
        at += k * stride;
    }
    if (MODE == 0u && outside) {
        y[i] = Element(sizes.value);
    } else {
        y[i] = x[at];
    }
}
