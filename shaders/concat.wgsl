// concat: y[o, OFFSET+r] = x[o, r]
//
//     binding 0  x  [OUTER, LENGTH] of Element  read
//     binding 1  y  [OUTER, STRIDE] of Element  write
//     binding 2  sizes
//
// The kernel copies one argument of a concatenation to its place. An Element is an f32,
// or a vec4 if length, stride and offset are multiples of 4. Sizes count Elements. An
// invocation copies one Element. Grid: flat(OUTER*LENGTH).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const WG = 64u;

struct Sizes { n: u32, length: u32, stride: u32, offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    y[i / sizes.length * sizes.stride + sizes.offset + i % sizes.length] = x[i];
}
