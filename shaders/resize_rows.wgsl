// resize_rows: y[b,i,j,c] = sum_u,v wy(i,u) * wx(j,v) * x[b,u,v,c]
//
//     binding 0  x  [B, IN_H, IN_W, CHANNELS] of Element    read
//     binding 1  y  [B, OUT_H, OUT_W, CHANNELS] of Element  write
//     binding 2  sizes
//
// This is the bilinear form of resize for GPUs and for steps of 3/4 and less: the upper row
// of x for a row of y is one of the two for the row before. An invocation computes one
// Element of ROWS rows of y. Its neighbours have `block` Elements of a pixel, and then those
// of the pixels at the right: what they share stays near. Sizes are those of resize.
// Grid: flat(B*ceil(OUT_H/ROWS)*OUT_W*CHANNELS).

//wgsl:import index
//wgsl:import resize

// Choice: f32 or vec4<f32>; ALIGN keeps the centres of the corner pixels in their places.
alias Element = f32;
const MODE = 2u;
const ALIGN = false;
const ROWS = 8u;
const WG = 64u;

struct Sizes {
    n: u32, in_h: u32, in_w: u32, out_h: u32, out_w: u32, channels: u32,
    step_y: f32, step_x: f32,
    whole_h: u32, first: u32, from_row: u32, bands: u32, block: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// upper returns the row of x above a row of y whose centre is at `at`.
fn upper(at: f32) -> u32 { return min(u32(max(at, 0.0)), sizes.whole_h - 1u); }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let j = index / sizes.block % sizes.out_w;
    let strip = index / (sizes.block * sizes.out_w);
    let blocks = sizes.channels / sizes.block;
    let c = strip % blocks * sizes.block + index % sizes.block;
    let line = strip / blocks % sizes.bands * ROWS;
    let image = strip / (blocks * sizes.bands);
    let at_x = resize_source(j, sizes.step_x);
    let v = min(u32(max(at_x, 0.0)), sizes.in_w - 1u);
    let t = clamp(at_x - f32(v), 0.0, 1.0);
    let right = select(0u, sizes.channels, v + 1u < sizes.in_w);
    // Row 0 of the whole image; it may wrap round.
    let origin = ((image * sizes.in_h - sizes.first) * sizes.in_w + v) * sizes.channels + c;
    let pitch = sizes.in_w * sizes.channels;
    var before = upper(resize_source(line + sizes.from_row, sizes.step_y));
    var above = (1.0 - t) * x[origin + before * pitch] + t * x[origin + before * pitch + right];
    var below = above;
    for (var r = 0u; r < ROWS; r += 1u) {
        let at_y = resize_source(line + r + sizes.from_row, sizes.step_y);
        let u = upper(at_y);
        above = select(below, above, u == before);
        before = u;
        let next = origin + min(u + 1u, sizes.whole_h - 1u) * pitch;
        below = (1.0 - t) * x[next] + t * x[next + right];
        let s = clamp(at_y - f32(u), 0.0, 1.0);
        if (line + r < sizes.out_h) {
            y[((image * sizes.out_h + line + r) * sizes.out_w + j) * sizes.channels + c] = (1.0 - s) * above + s * below;
        }
    }
}
