// activate_vec4: y[i] = act(x[i])
//
//     binding 0  x  [N/4] of vec4  read
//     binding 1  y  [N/4] of vec4  write
//     binding 2  sizes
//
// An invocation computes four elements. Grid: flat(N/4).

//wgsl:import activation
//wgsl:import index

const WG = 64u;

struct Sizes { n4: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i < sizes.n4) {
        y[i] = activate4(x[i]);
    }
}
