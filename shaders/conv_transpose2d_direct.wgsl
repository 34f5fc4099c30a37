// conv_transpose2d_direct:
//     y[b,i,j,o] = act(sum_{u,v,c} x[b, (i+ph-u*dh)/sh, (j+pw-v*dw)/sw, g*cg+c] * w[g*cg+c, o%og, u, v] + bias[o] + residual[b,i,j,o]),
//     over the u and v at which both quotients are whole and inside x
//
//     binding 0  x         [B, H, W, C/4] of vec4         read
//     binding 1  w         [O/4, KH, KW, CG/4] of mat4x4  read
//     binding 2  bias      [O/4] of vec4                  read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O/4] of vec4       read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O/4] of vec4       write, read (ONTO)
//     binding 5  sizes
//
// The channels of a group are multiples of 4, in x and in y. w is packed: column c of a
// block has the weights of channel c of four in x for four channels of y. An invocation
// computes four channels of four columns of y that lie a stride apart. The same taps
// reach these columns, from neighbouring columns of x.
// Grid: flat(B*OH*SW*ceil(OW/SW/4)*O/4).

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

fn store(line: u32, j: u32, o: u32, sum: vec4<f32>) {
    if (j >= sizes.ow) {
        return;
    }
    let at = (line * sizes.ow + j) * sizes.o4 + o;
    finish(at, o, sum);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let o = index % sizes.o4;
    let phase = index / sizes.o4 % sizes.stride_w;
    let blocks = (sizes.ow + 4u * sizes.stride_w - 1u) / (4u * sizes.stride_w);
    let block = index / (sizes.o4 * sizes.stride_w) % blocks;
    let line = index / (sizes.o4 * sizes.stride_w * blocks);
    let j = block * 4u * sizes.stride_w + phase;
    let i = line % sizes.oh;
    let b = line / sizes.oh;
    let first = o / sizes.og4 * sizes.cg4;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
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
            // Only the first column may lie to the left of x. At three strides to the
            // right, no index is negative.
            let across = j + sizes.pad_w + 3u * sizes.stride_w;
            if (across < v * sizes.dilation_w) {
                break;
            }
            if ((across - v * sizes.dilation_w) % sizes.stride_w != 0u) {
                continue;
            }
            let column = (across - v * sizes.dilation_w) / sizes.stride_w - 3u;
            let at = ((b * sizes.h + r) * sizes.w + column) * sizes.c4 + first;
            let tap = ((o * sizes.kh + u) * sizes.kw + v) * sizes.cg4;
            for (var c = 0u; c < sizes.cg4; c += 1u) {
                let f = w[tap + c];
                if (column < sizes.w) {
                    s0 += f * x[at + c];
                }
                if (column + 1u < sizes.w) {
                    s1 += f * x[at + sizes.c4 + c];
                }
                if (column + 2u < sizes.w) {
                    s2 += f * x[at + 2u * sizes.c4 + c];
                }
                if (column + 3u < sizes.w) {
                    s3 += f * x[at + 3u * sizes.c4 + c];
                }
            }
        }
    }
    store(line, j, o, s0);
    store(line, j + sizes.stride_w, o, s1);
    store(line, j + 2u * sizes.stride_w, o, s2);
    store(line, j + 3u * sizes.stride_w, o, s3);
}
