// blocks_to_space_vec4: y[b,i,j,o] = act(t[b, (i+ph)/sh, (j+pw)/sw, (i+ph)%sh, (j+pw)%sw, o] + bias[o] + residual[b,i,j,o]),
//     t is 0 outside
//
//     binding 0  t         [B, TH, TW, SH, SW, O/4] of vec4  read
//     binding 1  bias      [O/4] of vec4                     read (HAS_BIAS)
//     binding 2  residual  [B, OH, OW, O/4] of vec4          read (HAS_RESIDUAL)
//     binding 3  y         [B, OH, OW, O/4] of vec4          write, read (ONTO)
//     binding 4  sizes
//
// This is blocks_to_space for an O that is a multiple of 4. An invocation computes four
// channels. Grid: flat(N/4).

//wgsl:import epilogue4
//wgsl:import index

const WG = 64u;

struct Sizes {
    n4: u32, oh: u32, ow: u32, o4: u32, th: u32, tw: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32,
}
@group(0) @binding(0) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n4) {
        return;
    }
    let o = index % sizes.o4;
    let down = index / (sizes.o4 * sizes.ow) % sizes.oh + sizes.pad_h;
    let across = index / sizes.o4 % sizes.ow + sizes.pad_w;
    let image = index / (sizes.o4 * sizes.ow * sizes.oh);
    let r = down / sizes.stride_h;
    let s = across / sizes.stride_w;
    let phase = down % sizes.stride_h * sizes.stride_w + across % sizes.stride_w;
    var v = vec4<f32>(0.0);
    if (r < sizes.th && s < sizes.tw) {
        let block = (image * sizes.th + r) * sizes.tw + s;
        v = t[(block * sizes.stride_h * sizes.stride_w + phase) * sizes.o4 + o];
    }
    finish(index, o, v);
}
