// roi_align: y[r,i,j,c] = mean_{u,v} x[image[r], top + (i + (u+1/2)/k)*bin_h, left + (j + (v+1/2)/k)*bin_w, c]
//
//     binding 0  x        [B, H, W, C] of Element    read
//     binding 1  regions  [R, 4]                     read
//     binding 2  image    [R]                        read
//     binding 3  y        [R, OH, OW, C] of Element  write
//     binding 4  sizes
//
// A region is [left, top, right, bottom], times scale, minus shift. A bin has k x k
// samples: `samples`, or the ceiling of its size if that is 0. A sample between pixels is
// the mean of four; more than a pixel outside x it is 0. With MAX the largest weighted
// pixel is taken instead of the mean. least is the smallest side of a region. An Element
// is an f32, or a vec4 if C is a multiple of 4. n and c count Elements. An invocation
// computes one Element. Grid: flat(R*OH*OW*C).

//wgsl:import index
//wgsl:import wrapped

// Choice: f32 or vec4<f32>; maximum or mean.
alias Element = f32;
const MAX = false;
const WG = 64u;

struct Sizes {
    n: u32, b: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, samples: u32,
    scale: f32, shift: f32, least: f32, lowest: f32, nan: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> regions: array<f32>;
@group(0) @binding(2) var<storage, read> image: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

// count returns the samples of a bin. A quotient may be rounded up; the product is exact
// for whole sides.
fn count(side: f32, bins: u32) -> u32 {
    if (sizes.samples > 0u) {
        return sizes.samples;
    }
    let k = ceil(side / f32(bins));
    return u32(max(select(k, k - 1.0, (k - 1.0) * f32(bins) >= side), 0.0));
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let c = index % sizes.c;
    let j = index / sizes.c % sizes.ow;
    let i = index / (sizes.c * sizes.ow) % sizes.oh;
    let r = index / (sizes.c * sizes.ow * sizes.oh);
    let b = wrapped(image[r], sizes.b);
    if (!(b >= 0.0 && b < f32(sizes.b))) {
        y[index] = Element(sizes.nan);
        return;
    }
    let left = regions[4u * r] * sizes.scale - sizes.shift;
    let top = regions[4u * r + 1u] * sizes.scale - sizes.shift;
    let wide = max(regions[4u * r + 2u] * sizes.scale - sizes.shift - left, sizes.least);
    let high = max(regions[4u * r + 3u] * sizes.scale - sizes.shift - top, sizes.least);
    let across = count(wide, sizes.ow);
    let down = count(high, sizes.oh);
    let last_row = sizes.h - 1u;
    let last_column = sizes.w - 1u;
    let first = u32(b) * sizes.h;
    var sum = Element(0.0);
    var largest = Element(sizes.lowest);
    for (var u = 0u; u < down; u += 1u) {
        let at_y = top + (f32(i) + (f32(u) + 0.5) / f32(down)) * (high / f32(sizes.oh));
        let row = min(u32(max(at_y, 0.0)), last_row);
        let s = select(max(at_y, 0.0) - f32(row), 0.0, row == last_row);
        let upper = (first + row) * sizes.w;
        let lower = (first + min(row + 1u, last_row)) * sizes.w;
        let far_y = at_y < -1.0 || at_y > f32(sizes.h);
        for (var v = 0u; v < across; v += 1u) {
            let at_x = left + (f32(j) + (f32(v) + 0.5) / f32(across)) * (wide / f32(sizes.ow));
            if (far_y || at_x < -1.0 || at_x > f32(sizes.w)) {
                largest = max(largest, Element(0.0));
                continue;
            }
            let column = min(u32(max(at_x, 0.0)), last_column);
            let t = select(max(at_x, 0.0) - f32(column), 0.0, column == last_column);
            let right = min(column + 1u, last_column);
            let p = (1.0 - s) * (1.0 - t) * x[(upper + column) * sizes.c + c];
            let q = (1.0 - s) * t * x[(upper + right) * sizes.c + c];
            let o = s * (1.0 - t) * x[(lower + column) * sizes.c + c];
            let e = s * t * x[(lower + right) * sizes.c + c];
            sum += (p + q) + (o + e);
            largest = max(largest, max(max(p, q), max(o, e)));
        }
    }
    if (MAX && down * across > 0u) {
        y[index] = largest;
    } else {
        y[index] = sum / f32(max(down * across, 1u));
    }
}
