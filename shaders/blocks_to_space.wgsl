// blocks_to_space: y[b,i,j,o] = act(t[b, (i+ph)/sh, (j+pw)/sw, (i+ph)%sh, (j+pw)%sw, o] + bias[o] + residual[b,i,j,o]),
//     t is 0 outside
//
//     binding 0  t         [B, TH, TW, SH, SW, O]  read
//     binding 1  bias      [O]                     read (HAS_BIAS)
//     binding 2  residual  [B, OH, OW, O]          read (HAS_RESIDUAL)
//     binding 3  y         [B, OH, OW, O]          write, read (ONTO)
//     binding 4  sizes
//
// This is the second half of a transposed convolution. The first half computes t: a
// block of SH x SW outputs from the pixels around each place. An invocation computes
// one element. Grid: flat(N).

//wgsl:import epilogue
//wgsl:import index

const WG = 64u;

struct Sizes {
    n: u32, oh: u32, ow: u32, o: u32, th: u32, tw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32,
}
@group(0) @binding(0) var<storage, read> t: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let o = index % sizes.o;
    let down = index / (sizes.o * sizes.ow) % sizes.oh + sizes.pad_h;
    let across = index / sizes.o % sizes.ow + sizes.pad_w;
    let image = index / (sizes.o * sizes.ow * sizes.oh);
    let r = down / sizes.stride_h;
    let s = across / sizes.stride_w;
    let phase = down % sizes.stride_h * sizes.stride_w + across % sizes.stride_w;
    var v = 0.0;
    if (r < sizes.th && s < sizes.tw) {
        let block = (image * sizes.th + r) * sizes.tw + s;
        v = t[(block * sizes.stride_h * sizes.stride_w + phase) * sizes.o + o];
    }
    finish(index, o, v);
}
