// batch_norm: y[i,c] = (x[i,c] - mean[c]) / sqrt(variance[c] + eps) * w[c] + b[c]
//
//     binding 0  x         [N/C, C] of Element  read
//     binding 1  mean      [C] of Element       read
//     binding 2  variance  [C] of Element       read
//     binding 3  w         [C] of Element       read (AFFINE)
//     binding 4  b         [C] of Element       read (AFFINE)
//     binding 5  y         [N/C, C] of Element  write
//     binding 6  sizes
//
// An Element is an f32, or a vec4 if C is a multiple of 4. Sizes count Elements. An
// invocation computes one Element. Grid: flat(N).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const AFFINE = true;
const EPS = 1e-5;
const WG = 64u;

struct Sizes { n: u32, c: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> mean: array<Element>;
@group(0) @binding(2) var<storage, read> variance: array<Element>;
@group(0) @binding(3) var<storage, read> w: array<Element>;
@group(0) @binding(4) var<storage, read> b: array<Element>;
@group(0) @binding(5) var<storage, read_write> y: array<Element>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c;
    var v = (x[i] - mean[c]) / sqrt(variance[c] + EPS);
    if (AFFINE) {
        v = v * w[c] + b[c];
    }
    y[i] = v;
}
