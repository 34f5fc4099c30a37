// mish: y[i] = x[i] * tanh(ln(1 + exp(x[i])))
//
//     binding 0  x  [N]  read
//     binding 1  y  [N]  write
//     binding 2  sizes
//
// An invocation computes one element. Grid: Flat(N, WG).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i < sizes.n) {
        y[i] = x[i] * tanh(log(1.0 + exp(x[i])));
    }
}
