// peak_copy: y[i] = x[i]
//
//     binding 0  x  [N] of vec4  read
//     binding 1  y  [N] of vec4  write
//     binding 2  sizes
//
// An invocation copies four vec4s that lie a quarter of the array apart. N is a
// multiple of 4 * WG. Grid: flat(N / 4).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    let quarter = sizes.n / 4u;
    if i < quarter {
        y[i] = x[i];
        y[i + quarter] = x[i + quarter];
        y[i + 2u * quarter] = x[i + 2u * quarter];
        y[i + 3u * quarter] = x[i + 3u * quarter];
    }
}
