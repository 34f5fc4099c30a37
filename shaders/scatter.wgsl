// scatter: y[.., index[i0, .., i5], ..] = updates[i0, .., i5], with the index along one axis
//
//     binding 0  index    [D0, .., D5]  read
//     binding 1  updates  [D0, .., D5]  read
//     binding 2  y        [N0, .., N5]  write
//     binding 3  sizes
//
// s0 to s5 are the strides of y, with 0 for the axis of the index. extent and stride are
// those of that axis. A negative index counts from the end, and one outside
// [-extent, extent) is left out. An invocation copies one element. Grid: flat(N).

//wgsl:import index
//wgsl:import wrapped

const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32, extent: u32, stride: u32,
}
@group(0) @binding(0) var<storage, read> index: array<f32>;
@group(0) @binding(1) var<storage, read> updates: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let k = wrapped(index[i], sizes.extent);
    if (!(k >= 0.0 && k < f32(sizes.extent))) {
        return;
    }
    var at = u32(k) * sizes.stride;
    var rest = i;
    at += rest % sizes.d5 * sizes.s5;
    rest /= sizes.d5;
    at += rest % sizes.d4 * sizes.s4;
    rest /= sizes.d4;
    at += rest % sizes.d3 * sizes.s3;
    rest /= sizes.d3;
    at += rest % sizes.d2 * sizes.s2;
    rest /= sizes.d2;
    at += rest % sizes.d1 * sizes.s1 + rest / sizes.d1 * sizes.s0;
    y[at] = updates[i];
}
