// resize: y[b,i,j,c] = sum_u,v wy(i,u) * wx(j,v) * x[b,u,v,c]
//
//     binding 0  x  [B, IN_H, IN_W, CHANNELS] of Element    read
//     binding 1  y  [B, OUT_H, OUT_W, CHANNELS] of Element  write
//     binding 2  sizes
//
// x may hold the rows of its images from `first` on, and y those from from_row on. The
// whole images of x have whole_h rows. A step is the distance in x of neighbouring
// pixels of y. An Element is an f32, or a vec4 if the channels are a multiple of 4.
// `channels` and n count Elements. An invocation computes one Element. Grid: flat(N).

//wgsl:import index
//wgsl:import resize

// Choice: f32 or vec4<f32>; MODE is 0 nearest, 1 nearest-exact, 2 bilinear, 3 bicubic;
// ALIGN keeps the centres of the corner pixels in their places.
alias Element = f32;
const MODE = 2u;
const ALIGN = false;
const WG = 64u;

struct Sizes {
    n: u32, in_h: u32, in_w: u32, out_h: u32, out_w: u32, channels: u32,
    step_y: f32, step_x: f32,
    whole_h: u32, first: u32, from_row: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// row returns the weighted sum of the four pixels `at` of row u, for channel c. Rows
// count through all images.
fn row(u: u32, at: vec4<u32>, weight: vec4<f32>, c: u32) -> Element {
    let first = u * sizes.in_w;
    return weight.x * x[(first + at.x) * sizes.channels + c]
        + weight.y * x[(first + at.y) * sizes.channels + c]
        + weight.z * x[(first + at.z) * sizes.channels + c]
        + weight.w * x[(first + at.w) * sizes.channels + c];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let c = index % sizes.channels;
    let j = index / sizes.channels % sizes.out_w;
    let line = index / (sizes.channels * sizes.out_w);
    let i = line % sizes.out_h + sizes.from_row;
    let top = line / sizes.out_h * sizes.in_h - sizes.first; // row 0 of the whole image; it may wrap round
    if (MODE < 2u) {
        let u = resize_nearest(i, sizes.step_y, sizes.whole_h);
        let v = resize_nearest(j, sizes.step_x, sizes.in_w);
        y[index] = x[((top + u) * sizes.in_w + v) * sizes.channels + c];
        return;
    }
    let at_y = resize_source(i, sizes.step_y);
    let at_x = resize_source(j, sizes.step_x);
    if (MODE == 2u) {
        let u = min(u32(max(at_y, 0.0)), sizes.whole_h - 1u);
        let v = min(u32(max(at_x, 0.0)), sizes.in_w - 1u);
        let s = clamp(at_y - f32(u), 0.0, 1.0);
        let t = clamp(at_x - f32(v), 0.0, 1.0);
        let first = (top + u) * sizes.in_w + v;
        let right = select(0u, 1u, v + 1u < sizes.in_w);
        let below = select(0u, sizes.in_w, u + 1u < sizes.whole_h);
        let upper = (1.0 - t) * x[first * sizes.channels + c] + t * x[(first + right) * sizes.channels + c];
        let lower = (1.0 - t) * x[(first + below) * sizes.channels + c] + t * x[(first + below + right) * sizes.channels + c];
        y[index] = (1.0 - s) * upper + s * lower;
        return;
    }
    let u = resize_four(floor(at_y), sizes.whole_h);
    let v = resize_four(floor(at_x), sizes.in_w);
    let wy = resize_cubic(at_y - floor(at_y));
    let wx = resize_cubic(at_x - floor(at_x));
    y[index] = wy.x * row(top + u.x, v, wx, c) + wy.y * row(top + u.y, v, wx, c)
        + wy.z * row(top + u.z, v, wx, c) + wy.w * row(top + u.w, v, wx, c);
}
