// conv2d_naive: y[b,i,j,o] = act(sum_{u,v,c} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, g*cg+c] * w[o,c,u,v] + bias[o] + residual[b,i,j,o])
//
//     binding 0  x         [B, H, W, C]      read
//     binding 1  w         [O, C/G, KH, KW]  read
//     binding 2  bias      [O]               read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]    read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]    write, read (ONTO)
//     binding 5  sizes
//
// cg is C/G, and g is the group of o. The kernel computes the formula as it stands,
// with any stride, padding, dilation and groups. It explains the fast kernels and is
// the last candidate. An invocation computes one element. Grid: flat(B*OH*OW*O).

//wgsl:import epilogue
//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, cg: u32, og: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let o = i % sizes.o;
    let column = i / sizes.o % sizes.ow;
    let row = i / (sizes.o * sizes.ow) % sizes.oh;
    let image = i / (sizes.o * sizes.ow * sizes.oh);
    let first = o / sizes.og * sizes.cg;
    var sum = 0.0;
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above and left of the image an index wraps round and is then too large.
        let r = row * sizes.stride_h + u * sizes.dilation_h - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let s = column * sizes.stride_w + v * sizes.dilation_w - sizes.pad_w;
            if (s >= sizes.w) {
                continue;
            }
            let at = ((image * sizes.h + r) * sizes.w + s) * sizes.c + first;
            for (var c = 0u; c < sizes.cg; c += 1u) {
                sum += x[at + c] * w[((o * sizes.cg + c) * sizes.kh + u) * sizes.kw + v];
            }
        }
    }
    finish(i, o, sum);
}
