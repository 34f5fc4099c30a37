// binary_same: y[i] = a[i] op b[i]
//
//     binding 0  a  [N/4] of vec4  read
//     binding 1  b  [N/4] of vec4  read
//     binding 2  y  [N/4] of vec4  write, read (ONTO)
//     binding 3  sizes
//
// a and b have the same shape, and N is a multiple of 4. An invocation computes four
// elements. Grid: flat(N/4).

//wgsl:import index

// Choice: 0 add, 1 subtract, 2 multiply, 3 divide.
const KIND = 0u;
const ONTO = 0u; // the argument that is in y: 0 none, 1 a, 2 b
const WG = 64u;

struct Sizes { n4: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

fn left(i: u32) -> vec4<f32> {
    if (ONTO == 1u) { return y[i]; }
    return a[i];
}

fn right(i: u32) -> vec4<f32> {
    if (ONTO == 2u) { return y[i]; }
    return b[i];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n4) {
        return;
    }
    let p = left(i);
    let q = right(i);
    if (KIND == 0u) {
        y[i] = p + q;
    } else if (KIND == 1u) {
        y[i] = p - q;
    } else if (KIND == 2u) {
        y[i] = p * q;
    } else {
        y[i] = p / q;
    }
}
