// conv2d_grouped: y[b,i,j,o] = act(sum_{u,v,c} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, g*cg+c] * w[o,c,u,v] + bias[o] + residual[b,i,j,o])
//
//     binding 0  x         [B, H, W, C/4] of vec4         read
//     binding 1  w         [O/4, KH, KW, CG/4] of mat4x4  read
//     binding 2  bias      [O/4] of vec4                  read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O/4] of vec4       read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O/4] of vec4       write, read (ONTO)
//     binding 5  sizes
//
// This kernel is for small groups. The channels of a group are multiples of 4, in x and
// in y. w is packed: column c of a block has the weights of channel c of four in x for
// four channels of y. An invocation computes four channels of two neighbouring columns.
// Grid: flat(B*OH*ceil(OW/2)*O/4).

//wgsl:import epilogue4
//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, o4: u32, kh: u32, kw: u32, cg4: u32, og4: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<mat4x4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let twos = (sizes.ow + 1u) / 2u;
    let o = index % sizes.o4;
    let j = index / sizes.o4 % twos * 2u;
    let line = index / (sizes.o4 * twos);
    let i = line % sizes.oh;
    let b = line / sizes.oh;
    let first = o / sizes.og4 * sizes.cg4;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above and left of the image an index wraps round and is too large.
        let r = i * sizes.stride_h + u * sizes.dilation_h - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        for (var v = 0u; v < sizes.kw; v += 1u) {
            let column0 = j * sizes.stride_w + v * sizes.dilation_w - sizes.pad_w;
            let column1 = column0 + sizes.stride_w;
            let x0 = ((b * sizes.h + r) * sizes.w + column0) * sizes.c4 + first;
            let x1 = x0 + sizes.stride_w * sizes.c4;
            let tap = ((o * sizes.kh + u) * sizes.kw + v) * sizes.cg4;
            for (var c = 0u; c < sizes.cg4; c += 1u) {
                let f = w[tap + c];
                if (column0 < sizes.w) {
                    s0 += f * x[x0 + c];
                }
                if (column1 < sizes.w) {
                    s1 += f * x[x1 + c];
                }
            }
        }
    }
    let at = (line * sizes.ow + j) * sizes.o4 + o;
    finish(at, o, s0);
    if (j + 1u < sizes.ow) {
        finish(at + sizes.o4, o, s1);
    }
}
