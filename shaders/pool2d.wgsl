// pool2d: y[b,i,j,c] = max_{u,v} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, c]     (MAX)
//                    = sum_{u,v} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, c] / n
//
//     binding 0  x  [B, H, W, C] of Element    read
//     binding 1  y  [B, OH, OW, C] of Element  write
//     binding 2  sizes
//
// n is the divisor, if that is not 0. Otherwise it is the number of places under the
// window; only with COUNT_PAD does it include the padding. An Element is an f32, or a
// vec4 if C is a multiple of 4. sizes.n and c count Elements. An invocation computes
// one Element. Grid: flat(B*OH*OW*C).

//wgsl:import index

// Choice: f32 or vec4<f32>; maximum or mean; whether the mean counts padding; whether its
// windows are dilated.
alias Element = f32;
const MAX = true;
const COUNT_PAD = true;
const DILATED = false;
const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, kh: u32, kw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
    end_h: u32, end_w: u32, // of the padding, from the first window's top left
    divisor: u32, lowest: f32, // -inf, which WGSL cannot write
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
    let c = i % sizes.c;
    let column = i / sizes.c % sizes.ow;
    let row = i / (sizes.c * sizes.ow) % sizes.oh;
    let image = i / (sizes.c * sizes.ow * sizes.oh);
    var largest = Element(sizes.lowest);
    var sum = Element(0.0);
    var hits = 0u;
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above the image the index wraps round and is then too large.
        let r = row * sizes.stride_h + u * sizes.dilation_h - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        var across = Element(0.0); // summing by rows rounds less
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let s = column * sizes.stride_w + v * sizes.dilation_w - sizes.pad_w;
            if (s >= sizes.w) {
                continue;
            }
            let value = x[((image * sizes.h + r) * sizes.w + s) * sizes.c + c];
            if (MAX) {
                largest = max(largest, value);
            } else {
                across += value;
                hits += 1u;
            }
        }
        sum += across;
    }
    if (MAX) {
        y[i] = largest;
        return;
    }
    var divisor = sizes.divisor;
    if (divisor == 0u && COUNT_PAD) {
        var high = sizes.end_h - row * sizes.stride_h;
        var wide = sizes.end_w - column * sizes.stride_w;
        if (DILATED) {
            high = (high + sizes.dilation_h - 1u) / sizes.dilation_h;
            wide = (wide + sizes.dilation_w - 1u) / sizes.dilation_w;
        }
        divisor = min(sizes.kh, high) * min(sizes.kw, wide);
    } else if (divisor == 0u) {
        divisor = hits;
    }
    y[i] = sum / f32(divisor);
}
