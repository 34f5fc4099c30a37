// take_rows: y[b, l, c] = x[b, index[b, l], c], or x[b, index[l], c] (SHARED)
//
//     binding 0  x      [B, N, C] of Element  read
//     binding 1  index  [B, L] or [L]         read
//     binding 2  y      [B, L, C] of Element  write
//     binding 3  sizes
//
// A negative index counts from the end, and an index outside [-N, N) gives NaN. An
// Element is an f32, or a vec4 if C is a multiple of 4. total and c count Elements. An
// invocation copies one Element. Grid: flat(B*L*C).

//wgsl:import index
//wgsl:import wrapped

// Choice: f32 or vec4<f32>; whether all batches have one index.
alias Element = f32;
const SHARED = false;
const WG = 64u;

struct Sizes { total: u32, n: u32, c: u32, l: u32, nan: f32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.total) {
        return;
    }
    let row = i / sizes.c;
    let k = wrapped(index[select(row, row % sizes.l, SHARED)], sizes.n);
    if (k >= 0.0 && k < f32(sizes.n)) {
        y[i] = x[(row / sizes.l * sizes.n + u32(k)) * sizes.c + i % sizes.c];
    } else {
        y[i] = Element(sizes.nan);
    }
}
