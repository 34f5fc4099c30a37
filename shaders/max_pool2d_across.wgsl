// max_pool2d_across: y[b,i,j,c] = max_{u,v} x[b, i*sh-ph+u, j*sw-pw+v, c], over the places inside x
//
//     binding 0  x  [B, H, W, C/4] of vec4    read
//     binding 1  y  [B, OH, OW, C/4] of vec4  write
//     binding 2  sizes
//
// This kernel is for windows that overlap. An invocation computes four channels of four
// neighbouring columns. It reads what their windows share once.
// Grid: flat(B*OH * ceil(OW/4) * C/4).

//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, kh: u32, kw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32,
    blocks: u32, lowest: f32, // ceil(ow/4); -inf, which WGSL cannot write
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c4;
    let column = i / sizes.c4 % sizes.blocks * 4u;
    let row = i / (sizes.c4 * sizes.blocks) % sizes.oh;
    let image = i / (sizes.c4 * sizes.blocks * sizes.oh);
    let kw = sizes.kw;
    let stride = sizes.stride_w;
    var m0 = vec4<f32>(sizes.lowest);
    var m1 = m0;
    var m2 = m0;
    var m3 = m0;
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above the image the index wraps round and is then too large. So does the place
        // in a window that begins further right.
        let r = row * sizes.stride_h + u - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        for (var p = 0u; p < 3u * stride + kw; p += 1u) {
            let s = column * stride + p - sizes.pad_w;
            if (s >= sizes.w) {
                continue;
            }
            let value = x[((image * sizes.h + r) * sizes.w + s) * sizes.c4 + c];
            m0 = select(m0, max(m0, value), p < kw);
            m1 = select(m1, max(m1, value), p - stride < kw);
            m2 = select(m2, max(m2, value), p - 2u * stride < kw);
            m3 = select(m3, max(m3, value), p - 3u * stride < kw);
        }
    }
    let to = ((image * sizes.oh + row) * sizes.ow + column) * sizes.c4 + c;
    y[to] = m0;
    if (column + 1u < sizes.ow) {
        y[to + sizes.c4] = m1;
    }
    if (column + 2u < sizes.ow) {
        y[to + 2u * sizes.c4] = m2;
    }
    if (column + 3u < sizes.ow) {
        y[to + 3u * sizes.c4] = m3;
    }
}
