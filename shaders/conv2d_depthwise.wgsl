// conv2d_depthwise: y[b,i,j,c] = act(sum_{u,v} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, c] * w[u,v,c] + bias[c] + residual[b,i,j,c])
//
//     binding 0  x         [B, H, W, C/4] of vec4    read
//     binding 1  w         [KH, KW, C/4] of vec4     read
//     binding 2  bias      [C/4] of vec4             read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, C/4] of vec4  read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, C/4] of vec4  write, read (ONTO)
//     binding 5  sizes
//
// Each channel is a group. w is packed. An invocation computes four channels of four
// neighbouring columns; neighbouring invocations compute neighbouring channels. With
// SLIDE it reads each column of x once for all four windows, which needs stride 1 and
// dilation 1 along the row. Grid: flat(B*OH*ceil(OW/4)*C/4).

//wgsl:import epilogue4
//wgsl:import index

// Choice.
const SLIDE = false;
const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, kh: u32, kw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// pixel returns four channels of column s of the line that begins at `row`, or zero
// beside the image.
fn pixel(row: u32, s: u32) -> vec4<f32> {
    if (s < sizes.w) {
        return x[row + s * sizes.c4];
    }
    return vec4<f32>(0.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let fours = (sizes.ow + 3u) / 4u;
    let c = index % sizes.c4;
    let j = index / sizes.c4 % fours * 4u;
    let line = index / (sizes.c4 * fours);
    let i = line % sizes.oh;
    let b = line / sizes.oh;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var u = 0u; u < sizes.kh; u += 1u) {
        // Above and left of the image an index wraps round and is too large.
        let r = i * sizes.stride_h + u * sizes.dilation_h - sizes.pad_h;
        if (r >= sizes.h) {
            continue;
        }
        let row = (b * sizes.h + r) * sizes.w * sizes.c4 + c;
        var s = j * sizes.stride_w - sizes.pad_w;
        var tap = u * sizes.kw * sizes.c4 + c;
        if (SLIDE) {
            var x0 = pixel(row, s);
            var x1 = pixel(row, s + 1u);
            var x2 = pixel(row, s + 2u);
            for (var v = 0u; v < sizes.kw; v += 1u) {
                let x3 = pixel(row, s + 3u);
                let f = w[tap];
                s0 = fma(x0, f, s0);
                s1 = fma(x1, f, s1);
                s2 = fma(x2, f, s2);
                s3 = fma(x3, f, s3);
                x0 = x1;
                x1 = x2;
                x2 = x3;
                s += 1u;
                tap += sizes.c4;
            }
        } else {
            for (var v = 0u; v < sizes.kw; v += 1u) {
                let f = w[tap];
                s0 = fma(pixel(row, s), f, s0);
                s1 = fma(pixel(row, s + sizes.stride_w), f, s1);
                s2 = fma(pixel(row, s + 2u * sizes.stride_w), f, s2);
                s3 = fma(pixel(row, s + 3u * sizes.stride_w), f, s3);
                s += sizes.dilation_w;
                tap += sizes.c4;
            }
        }
    }
    let at = (line * sizes.ow + j) * sizes.c4 + c;
    finish(at, c, s0);
    if (j + 1u < sizes.ow) { finish(at + sizes.c4, c, s1); }
    if (j + 2u < sizes.ow) { finish(at + 2u * sizes.c4, c, s2); }
    if (j + 3u < sizes.ow) { finish(at + 3u * sizes.c4, c, s3); }
}
