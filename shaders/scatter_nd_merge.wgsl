// scatter_nd_merge: y[p, r] = x[p, r] merged with every updates[l, r] whose index[l] is p
//
//     binding 0  x        [D0, .., R]  read
//     binding 1  index    [L, M]       read
//     binding 2  updates  [L, R]       read
//     binding 3  y        [D0, .., R]  write
//     binding 4  sizes
//
// p stands for M numbers. Those of index that are negative count from the end. An
// invocation computes one element. Grid: flat(N).

//wgsl:import index
//wgsl:import merge
//wgsl:import place

// Choice: MERGE is 1 add, 2 mul, 3 max, 4 min; numbers of an index.
const MERGE = 1u;
const M = 1u;
const WG = 64u;

struct Sizes {
    n: u32, r: u32, l: u32,
    d0: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read> updates: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let r = i % sizes.r;
    var sum = x[i];
    for (var l = 0u; l < sizes.l; l += 1u) {
        if (place(l * M) == i - r) {
            sum = merged(sum, updates[l * sizes.r + r]);
        }
    }
    y[i] = sum;
}
