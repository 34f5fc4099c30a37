// activate: y[i] = act(x[i])
//
//     binding 0  x  [N]  read
//     binding 1  y  [N]  write
//     binding 2  sizes
//
// An invocation computes four neighbouring elements; the last one may compute fewer.
// Grid: flat(ceil(N/4)).

//wgsl:import activation
//wgsl:import index

const WG = 64u;

struct Sizes { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let first = flat_index(global, groups, WG) * 4u;
    for (var i = first; i < min(first + 4u, sizes.n); i += 1u) {
        y[i] = activate(x[i]);
    }
}
