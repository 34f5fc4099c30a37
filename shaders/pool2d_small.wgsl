// pool2d_small: y[b,i,j,c] = max_{u,v} x[b, i*sh-ph+u, j*sw-pw+v, c]          (MAX)
//                          = sum_{u,v} x[b, i*sh+u, j*sw+v, c] / (KH*KW)
//
//     binding 0  x  [B, H, W, C] of Element    read
//     binding 1  y  [B, OH, OW, C] of Element  write
//     binding 2  sizes
//
// This kernel is for small windows: all loads of an invocation are in flight at once. A
// place in the padding stands for the nearest pixel, which is in the same window. Means have
// no padding. An Element is an f32, or a vec4 if C is a multiple of 4. Sizes count Elements.
// An invocation computes an Element of ROWS rows, whose windows share rows of x. Its
// neighbours have `block` Elements of a pixel, and then those of the pixels at the right:
// what windows share stays near. Grid: flat(B*ceil(OH/ROWS)*OW*C).

//wgsl:import index

// Choice: f32 or vec4<f32>; maximum or mean; the window; the rows that an invocation
// computes, and with several the stride between them.
alias Element = f32;
const MAX = true;
const KH = 3u;
const KW = 3u;
const ROWS = 1u;
const STRIDE = 1u;
const WG = 64u;
// Derived: the rows of x that an invocation reads.
const LINES = (ROWS - 1u) * STRIDE + KH;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, bands: u32, block: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn join(a: Element, b: Element) -> Element {
    if (MAX) {
        return max(a, b);
    }
    return a + b;
}

// nearest returns the place in [0, n) nearest to at, which may have wrapped round.
fn nearest(at: u32, n: u32) -> u32 {
    return u32(clamp(i32(at), 0, i32(n) - 1));
}

fn row(image: u32, u: u32, left: u32, c: u32) -> Element {
    let first = (image * sizes.h + nearest(u, sizes.h)) * sizes.w;
    var all = x[(first + nearest(left, sizes.w)) * sizes.c + c];
    if (KW > 1u) {
        all = join(all, x[(first + nearest(left + 1u, sizes.w)) * sizes.c + c]);
    }
    if (KW > 2u) {
        all = join(all, x[(first + nearest(left + 2u, sizes.w)) * sizes.c + c]);
    }
    return all;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let column = i / sizes.block % sizes.ow;
    let strip = i / (sizes.block * sizes.ow);
    let blocks = sizes.c / sizes.block;
    let c = strip % blocks * sizes.block + i % sizes.block;
    let first = strip / blocks % sizes.bands * ROWS;
    let image = strip / (blocks * sizes.bands);
    let left = column * sizes.stride_w - sizes.pad_w;
    let top = first * sizes.stride_h - sizes.pad_h;
    var lines: array<Element, LINES>;
    for (var u = 0u; u < LINES; u += 1u) {
        lines[u] = row(image, top + u, left, c);
    }
    for (var r = 0u; r < ROWS; r += 1u) {
        var all = lines[r * STRIDE];
        if (KH > 1u) {
            all = join(all, lines[r * STRIDE + 1u]);
        }
        if (KH > 2u) {
            all = join(all, lines[r * STRIDE + 2u]);
        }
        if (!MAX) {
            all /= f32(KH * KW);
        }
        if (first + r < sizes.oh) {
            y[((image * sizes.oh + first + r) * sizes.ow + column) * sizes.c + c] = all;
        }
    }
}
