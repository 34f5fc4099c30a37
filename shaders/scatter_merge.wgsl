// scatter_merge: y[i] = x[i] merged with every updates[.., j, ..] whose index[.., j, ..] is i's place on an axis
//
//     binding 0  x        [N0, .., N5]  read
//     binding 1  index    [D0, .., D5]  read
//     binding 2  updates  [D0, .., D5]  read
//     binding 3  y        [N0, .., N5]  write
//     binding 4  sizes
//
// s0 to s5 are the strides of index, with 0 for the axis, and e0 to e5 its extents, with
// that of x for the axis. x has `extent` places along the axis, `inner` elements apart;
// index has `count`, `step` elements apart. A negative index counts from the end. An
// invocation computes one element. Grid: flat(N).

//wgsl:import index
//wgsl:import merge
//wgsl:import wrapped

// Choice: MERGE is 1 add, 2 mul, 3 max, 4 min.
const MERGE = 1u;
const WG = 64u;

struct Sizes {
    n: u32, d1: u32, d2: u32, d3: u32, d4: u32, d5: u32,
    e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,
    s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
    extent: u32, inner: u32, count: u32, step: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<f32>;
@group(0) @binding(2) var<storage, read> updates: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    var rest = i;
    let i5 = rest % sizes.d5;
    rest /= sizes.d5;
    let i4 = rest % sizes.d4;
    rest /= sizes.d4;
    let i3 = rest % sizes.d3;
    rest /= sizes.d3;
    let i2 = rest % sizes.d2;
    rest /= sizes.d2;
    let i1 = rest % sizes.d1;
    let i0 = rest / sizes.d1;
    var sum = x[i];
    if (i0 < sizes.e0 && i1 < sizes.e1 && i2 < sizes.e2 && i3 < sizes.e3 && i4 < sizes.e4 && i5 < sizes.e5) {
        var at = i0 * sizes.s0 + i1 * sizes.s1 + i2 * sizes.s2 + i3 * sizes.s3 + i4 * sizes.s4 + i5 * sizes.s5;
        let place = f32(i / sizes.inner % sizes.extent);
        for (var j = 0u; j < sizes.count; j += 1u) {
            if (wrapped(index[at], sizes.extent) == place) {
                sum = merged(sum, updates[at]);
            }
            at += sizes.step;
        }
    }
    y[i] = sum;
}
