// patch_merge: y[b, i, j, p*c + k] = x[b, 2i + p%2, 2j + p/2, k], or 0 outside x
//
//     binding 0  x  [B, H, W, C] of Element                    read
//     binding 1  y  [B, ceil(H/2), ceil(W/2), 4*C] of Element  write
//     binding 2  sizes
//
// An Element is an f32, or a vec4 if C is a multiple of 4. n and c count Elements. An
// invocation copies one Element. Grid: flat(N).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const WG = 64u;

struct Sizes { n: u32, h: u32, w: u32, c: u32 } // n of y; h, w and c of x
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
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
        y[i] = Element(0.0);
    }
}
