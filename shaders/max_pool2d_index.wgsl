// max_pool2d_index: y[b,i,j,c] = the first place at which x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, c] is largest
//
//     binding 0  x  [B, H, W, C]    read
//     binding 1  y  [B, OH, OW, C]  write
//     binding 2  sizes
//
// Row r and column s are place r*step_h + s*step_w. A window that has no place gives -1.
// An invocation computes one element. Grid: flat(B*OH*OW*C).

//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, kh: u32, kw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
    step_h: u32, step_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
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
    var largest = 0.0;
    var place = -1.0;
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above the image the index wraps round and is then too large.
        let r = row * sizes.stride_h + u * sizes.dilation_h - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let s = column * sizes.stride_w + v * sizes.dilation_w - sizes.pad_w;
            if (s >= sizes.w) {
                continue;
            }
            let value = x[((image * sizes.h + r) * sizes.w + s) * sizes.c + c];
            if (place < 0.0 || value > largest) {
                largest = value;
                place = f32(r * sizes.step_h + s * sizes.step_w);
            }
        }
    }
    y[i] = place;
}
