// patch_merge_vec4: y[b, i, j, p*c + k] = x[b, 2i + p%2, 2j + p/2, k], 0 outside, four channels at a time
//
//     binding 0  x  [B, H, W, C/4] of vec4                read
//     binding 1  y  [B, ceil(H/2), ceil(W/2), C] of vec4  write
//     binding 2  sizes                                    n and c count vec4s
//
// An invocation moves four elements, in the order of y. Grid: flat(N/4).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, h: u32, w: u32, c: u32 } // of x, but n of y
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let part = i / sizes.c % 4u;
    let block = i / (4u * sizes.c);
    let width = (sizes.w + 1u) / 2u;
    let height = (sizes.h + 1u) / 2u;
    let column = 2u * (block % width) + part / 2u;
    let row = 2u * (block / width % height) + part % 2u;
    if (row < sizes.h && column < sizes.w) {
        y[i] = x[((block / (width * height) * sizes.h + row) * sizes.w + column) * sizes.c + i % sizes.c];
    } else {
        y[i] = vec4<f32>(0.0);
    }
}
