// gather_nd: y[b, l, r] = x[b, index[b, l, 0], .., index[b, l, M-1], r]
//
//     binding 0  x      [B, D0, .., R] of Element  read
//     binding 1  index  [B, L, M]                  read
//     binding 2  y      [B, L, R] of Element       write
//     binding 3  sizes
//
// Numbers that are negative count from the end, and those outside their extent give NaN.
// An Element is an f32, or a vec4 if R is a multiple of 4. n, r, batch and the strides
// count Elements. An invocation copies one Element. Grid: flat(B*L*R).

//wgsl:import index
//wgsl:import place

// Choice: f32 or vec4<f32>; numbers of an index.
alias Element = f32;
const M = 1u;
const WG = 64u;

struct Sizes {
    n: u32, r: u32, l: u32, batch: u32, // elements of x in a batch
    d0: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32, nan: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let row = i / sizes.r;
    let at = place(row * M);
    if (at == OUTSIDE) {
        y[i] = Element(sizes.nan);
    } else {
        y[i] = x[row / sizes.l * sizes.batch + at + i % sizes.r];
    }
}
