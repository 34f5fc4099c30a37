// resize_axis: y[o,i,r] = sum_k w(i,k) * x[o,k,r]
//
//     binding 0  x  [OUTER, GIVEN, INNER] of Element  read
//     binding 1  y  [OUTER, OUT, INNER] of Element    write
//     binding 2  sizes
//
// This is one dimension of a resize. A resize across and then down takes two or four
// loads for an element, where resize takes four or sixteen.
// The whole dimension has `extent` rows. x holds GIVEN of them, from `first` on. y
// begins with output from_out. An Element is an f32, or a vec4 if INNER is a multiple
// of 4. `inner` and n count Elements. An invocation computes one Element.
// Grid: flat(OUTER*OUT*INNER).

//wgsl:import index
//wgsl:import resize

// Choice: f32 or vec4<f32>; MODE is 2 bilinear, 3 bicubic; ALIGN keeps the centres of the
// corner pixels in their places.
alias Element = f32;
const MODE = 2u;
const ALIGN = false;
const WG = 64u;

struct Sizes { n: u32, extent: u32, out: u32, inner: u32, step: f32, given: u32, first: u32, from_out: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let line = index / sizes.inner;
    // Row 0 of the whole dimension; it may wrap round.
    let first = (line / sizes.out * sizes.given - sizes.first) * sizes.inner + index % sizes.inner;
    let at = resize_source(line % sizes.out + sizes.from_out, sizes.step);
    if (MODE == 2u) {
        let k = min(u32(max(at, 0.0)), sizes.extent - 1u);
        let t = clamp(at - f32(k), 0.0, 1.0);
        let next = min(k + 1u, sizes.extent - 1u);
        y[index] = (1.0 - t) * x[first + k * sizes.inner] + t * x[first + next * sizes.inner];
    } else {
        let k = resize_four(floor(at), sizes.extent) * sizes.inner + first;
        let w = resize_cubic(at - floor(at));
        y[index] = w.x * x[k.x] + w.y * x[k.y] + w.z * x[k.z] + w.w * x[k.w];
    }
}
