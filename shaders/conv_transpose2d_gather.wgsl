// conv_transpose2d_gather:
//     y[b,i,j,o] = act(sum_{u,v,c} x[b, (i+ph-u*dh)/sh, (j+pw-v*dw)/sw, g*cg+c] * w[g*cg+c, o%og, u, v] + bias[o] + residual[b,i,j,o]),
//     over the u and v at which both quotients are whole and inside x
//
//     binding 0  x         [B, H, W, C/4] of vec4     read
//     binding 1  w         [O, KH, KW, CG/4] of vec4  read
//     binding 2  bias      [O]                        read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]             read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]             write, read (ONTO)
//     binding 5  sizes
//
// The channels of a group in x are a multiple of 4. w is packed. An invocation computes
// one element. Grid: flat(B*OH*OW*O).

//wgsl:import epilogue
//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, cg4: u32, og: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let o = index % sizes.o;
    let j = index / sizes.o % sizes.ow;
    let i = index / (sizes.o * sizes.ow) % sizes.oh;
    let b = index / (sizes.o * sizes.ow * sizes.oh);
    let first = o / sizes.og * sizes.cg4;
    var sum = vec4<f32>(0.0);
    for (var u = 0u; u < sizes.kh; u += 1u) {
        let down = i + sizes.pad_h;
        if (down < u * sizes.dilation_h) {
            break;
        }
        let r = (down - u * sizes.dilation_h) / sizes.stride_h;
        if (r >= sizes.h || (down - u * sizes.dilation_h) % sizes.stride_h != 0u) {
            continue;
        }
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let across = j + sizes.pad_w;
            if (across < v * sizes.dilation_w) {
                break;
            }
            let s = (across - v * sizes.dilation_w) / sizes.stride_w;
            if (s >= sizes.w || (across - v * sizes.dilation_w) % sizes.stride_w != 0u) {
                continue;
            }
            let at = ((b * sizes.h + r) * sizes.w + s) * sizes.c4 + first;
            let tap = ((o * sizes.kh + u) * sizes.kw + v) * sizes.cg4;
            for (var c = 0u; c < sizes.cg4; c += 1u) {
                sum = fma(x[at + c], w[tap + c], sum);
            }
        }
    }
    finish(index, o, (sum.x + sum.y) + (sum.z + sum.w));
}
