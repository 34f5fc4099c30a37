// conv_transpose2d_naive:
//     y[b,i,j,o] = act(sum_{u,v,c} x[b, (i+ph-u*dh)/sh, (j+pw-v*dw)/sw, g*cg+c] * w[g*cg+c, o%og, u, v] + bias[o] + residual[b,i,j,o]),
//     over the u and v at which both quotients are whole and inside x
//
//     binding 0  x         [B, H, W, C]      read
//     binding 1  w         [C, O/G, KH, KW]  read
//     binding 2  bias      [O]               read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]    read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]    write, read (ONTO)
//     binding 5  sizes
//
// cg is C/G, og is O/G, and g is the group of o. The kernel computes the formula as it
// stands: each output gathers from the inputs that reach it. It explains the fast
// kernels and is the last candidate. An invocation computes one element.
// Grid: flat(B*OH*OW*O).

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
    let taps = sizes.kh * sizes.kw;
    var sum = 0.0;
    for (var u = 0u; u < sizes.kh; u += 1u) {
        let down = row + sizes.pad_h;
        let r = (down - u * sizes.dilation_h) / sizes.stride_h;
        if (down < u * sizes.dilation_h || (down - u * sizes.dilation_h) % sizes.stride_h != 0u || r >= sizes.h) {
            continue;
        }
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let across = column + sizes.pad_w;
            let s = (across - v * sizes.dilation_w) / sizes.stride_w;
            if (across < v * sizes.dilation_w || (across - v * sizes.dilation_w) % sizes.stride_w != 0u || s >= sizes.w) {
                continue;
            }
            let at = ((image * sizes.h + r) * sizes.w + s) * sizes.c + first;
            var tap = (first * sizes.og + o % sizes.og) * taps + u * sizes.kw + v;
            for (var c = 0u; c < sizes.cg; c += 1u) {
                sum += x[at + c] * w[tap];
                tap += sizes.og * taps;
            }
        }
    }
    finish(i, o, sum);
}
