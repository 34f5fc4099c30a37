// local_response_norm: y[m,c] = x[m,c] / (k + alpha_n * sum_d x[m,d]^2)^beta,
//     over the channels d from c - floor(SIZE/2) to c + floor((SIZE-1)/2) that exist
//
//     binding 0  x  [M, C]  read
//     binding 1  y  [M, C]  write
//     binding 2  sizes; alpha_n is alpha/SIZE
//
// An invocation computes one element. Grid: flat(M*C).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, c: u32, size: u32, alpha_n: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c;
    let before = min(c, sizes.size / 2u);
    let after = min(sizes.c - 1u - c, (sizes.size - 1u) / 2u);
    var sum = 0.0;
    for (var d = i - before; d <= i + after; d += 1u) {
        sum += x[d] * x[d];
    }
    y[i] = x[i] / pow(sizes.k + sizes.alpha_n * sum, sizes.beta);
}
