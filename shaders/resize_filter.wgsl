// resize_filter: y[o,i,r] = sum_k w(i,k) * x[o,k,r] / sum_k w(i,k)
//
//     binding 0  x  [OUTER, GIVEN, INNER] of Element  read
//     binding 1  y  [OUTER, OUT, INNER] of Element    write
//     binding 2  sizes
//
// This is one dimension of an antialiased resize. w(i, k) is a triangle, or Keys' cubic
// with a = -0.5, about the centre of output i. It is as wide as the step between
// outputs, or 1 if that is less.
// The whole dimension has `extent` rows. x holds GIVEN of them, from `first` on. y
// begins with output from_out. An Element is an f32, or a vec4 if INNER is a multiple
// of 4. `inner` and n count Elements. An invocation computes one Element.
// Grid: flat(OUTER*OUT*INNER).

//wgsl:import index

// Choice: f32 or vec4<f32>; cubic or triangle.
alias Element = f32;
const CUBIC = false;
const WG = 64u;

struct Sizes { n: u32, extent: u32, out: u32, inner: u32, step: f32, given: u32, first: u32, from_out: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn filter_weight(distance: f32) -> f32 {
    let d = abs(distance);
    if (CUBIC) {
        if (d < 1.0) {
            return (1.5 * d - 2.5) * d * d + 1.0;
        }
        if (d < 2.0) {
            return -0.5 * (((d - 5.0) * d + 8.0) * d - 4.0);
        }
        return 0.0;
    }
    return max(1.0 - d, 0.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let r = index % sizes.inner;
    let i = index / sizes.inner % sizes.out + sizes.from_out;
    let o = index / (sizes.inner * sizes.out);
    let center = sizes.step * (f32(i) + 0.5);
    let wide = max(sizes.step, 1.0);
    var support = wide;
    if (CUBIC) {
        support = 2.0 * wide;
    }
    let first = u32(max(center - support + 0.5, 0.0));
    let end = min(u32(center + support + 0.5), sizes.extent);
    var total = 0.0;
    var sum = Element(0.0);
    for (var k = first; k < end; k += 1u) {
        let w = filter_weight((f32(k) - center + 0.5) / wide);
        total += w;
        sum += w * x[(o * sizes.given + k - sizes.first) * sizes.inner + r];
    }
    y[index] = sum / total;
}
