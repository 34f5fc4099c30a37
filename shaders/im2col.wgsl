// im2col: y[b,i,j, u, k] = x[b, i*stride_h-pad_h+u*dilation, (j*stride_w-pad_w)*C + k], or 0 outside x
//
//     binding 0  x  [B, H, WIDTH] of Element       read
//     binding 1  y  [B*OH*OW, KH, RUN4] of vec4    write
//     binding 2  sizes
//
// The kernel lays each window out as one row, for a product with the weights. A row of a
// window is a run of KW*C neighbours in x, where WIDTH = W*C. Zeros fill the run up to
// RUN4 vec4s. An Element is an f32, or a vec4 if C is a multiple of 4; RUN, WIDTH, STEP
// and BEFORE count Elements. An invocation copies one run. Neighbours copy the same row
// of their windows. Grid: flat(B*OH*OW*KH).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const WIDE = false; // a vec4
const WG = 64u;

struct Sizes {
    m: u32, h: u32, width: u32, oh: u32, ow: u32, kh: u32, run: u32, run4: u32,
    stride_h: u32, step: u32, pad_h: u32, before: u32, dilation: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, WG);
    let m = id % sizes.m;
    let u = id / sizes.m;
    if (u >= sizes.kh) {
        return;
    }
    let image = m / (sizes.oh * sizes.ow);
    let line = m / sizes.ow % sizes.oh * sizes.stride_h - sizes.pad_h + u * sizes.dilation; // wraps above x
    let first = m % sizes.ow * sizes.step - sizes.before; // wraps left of x
    let start = (image * sizes.h + line) * sizes.width + first;
    let to = (m * sizes.kh + u) * sizes.run4;
    let inside = line < sizes.h;
    var k = 0u;
    loop {
        var v = vec4<f32>();
        if (WIDE) {
            if (inside && first + k < sizes.width) { v = vec4<f32>(x[start + k]); }
        } else {
            let e = 4u * k;
            if (inside && e < sizes.run && first + e < sizes.width) { v.x = vec4<f32>(x[start + e]).x; }
            if (inside && e + 1u < sizes.run && first + e + 1u < sizes.width) { v.y = vec4<f32>(x[start + e + 1u]).x; }
            if (inside && e + 2u < sizes.run && first + e + 2u < sizes.width) { v.z = vec4<f32>(x[start + e + 2u]).x; }
            if (inside && e + 3u < sizes.run && first + e + 3u < sizes.width) { v.w = vec4<f32>(x[start + e + 3u]).x; }
        }
        y[to + k] = v;
        k++;
        if (k >= sizes.run4) {
            break;
        }
    }
}
