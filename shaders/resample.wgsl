// resample: y[o,i,r] = sum_k weight[i,k] * x[o, index[i,k], r]
//
//     binding 0  x       [O, N, R] of Element  read
//     binding 1  index   [L, K]                read
//     binding 2  weight  [L, K]                read
//     binding 3  y       [O, L, R] of Element  write
//     binding 4  sizes
//
// A negative index counts from the end, and an index outside [-N, N) gives NaN. An
// Element is an f32, or a vec4 if R is a multiple of 4. total and r count Elements. An
// invocation computes one Element. Grid: flat(O*L*R).

//wgsl:import index
//wgsl:import wrapped

// Choice: f32 or vec4<f32>.
alias Element = f32;
const WG = 64u;

struct Sizes { total: u32, n: u32, r: u32, l: u32, k: u32, nan: f32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.total) {
        return;
    }
    let row = i / sizes.r;
    let tap = row % sizes.l * sizes.k;
    let first = row / sizes.l * sizes.n;
    let r = i % sizes.r;
    var sum = Element(0.0);
    for (var k = 0u; k < sizes.k; k += 1u) {
        let at = wrapped(index[tap + k], sizes.n);
        if (at >= 0.0 && at < f32(sizes.n)) {
            sum += weight[tap + k] * x[(first + u32(at)) * sizes.r + r];
        } else {
            sum = Element(sizes.nan);
        }
    }
    y[i] = sum;
}
