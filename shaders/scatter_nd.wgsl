// scatter_nd: y[index[l, 0], .., index[l, M-1], r] = updates[l, r]
//
//     binding 0  index    [L, M]                    read
//     binding 1  updates  [L, R] of Element         read
//     binding 2  y        [D0, .., R] of Element    write
//     binding 3  sizes
//
// Numbers that are negative count from the end, and rows outside y are left out. An
// Element is an f32, or a vec4 if R is a multiple of 4. n, r and the strides count
// Elements. An invocation copies one Element. Grid: flat(L*R).

//wgsl:import index
//wgsl:import place

// Choice: f32 or vec4<f32>; numbers of an index.
alias Element = f32;
const M = 1u;
const WG = 64u;

struct Sizes {
    n: u32, r: u32,
    d0: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
}
@group(0) @binding(0) var<storage, read> index: array<f32>;
@group(0) @binding(1) var<storage, read> updates: array<Element>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let at = place(i / sizes.r * M);
    if (at != OUTSIDE) {
        y[at + i % sizes.r] = updates[i];
    }
}
