// pixel_shuffle_vec4: y[b, i*r+u, j*r+v, c] = x[b, i, j, c*r*r + u*r + v]
//     with UNSHUFFLE the inverse: x and y exchange their places (pixel_unshuffle)
//
//     binding 0  x  [B, H, W, C*R*R]          read (UNSHUFFLE: [B, H*R, W*R, C])
//     binding 1  y  [B, H*R, W*R*C/4] of vec4  write (UNSHUFFLE: [B, H, W, C*R*R/4])
//     binding 2  sizes
//
// An invocation takes four neighbours in each of the R rows of y that have the same row of
// x: a workgroup thus reads whole pixels. With UNSHUFFLE it takes four channels of y.
// Grid: flat(N).

//wgsl:import index

// Choice.
const UNSHUFFLE = false;
const WG = 64u;

struct Sizes { n: u32, row4: u32, channels: u32, r: u32, width: u32 } // channels, and width in pixels, of y
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// place returns where x has number i of a row of y, in the row's first u.
fn place(i: u32) -> u32 {
    let r = sizes.r;
    let column = i / sizes.channels;
    return column / r * sizes.channels * r * r + i % sizes.channels * r * r + column % r;
}

// source returns where x has channel k of y, in the first row and column of its pixel.
fn source(k: u32) -> u32 {
    let r = sizes.r;
    let channels = sizes.channels / (r * r);
    return (k / r % r * sizes.width * r + k % r) * channels + k / (r * r);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let r = sizes.r;
    if (UNSHUFFLE) {
        let k = 4u * i % sizes.channels;
        let pixel = 4u * i / sizes.channels;
        let first = (pixel / sizes.width * r * sizes.width + pixel % sizes.width) * r * (sizes.channels / (r * r));
        y[i] = vec4<f32>(x[first + source(k)], x[first + source(k + 1u)], x[first + source(k + 2u)], x[first + source(k + 3u)]);
        return;
    }
    let row = i / sizes.row4; // of x, counted through all images
    let at = i % sizes.row4;
    let first = row * 4u * sizes.row4 * r;
    let a = first + place(4u * at);
    let b = first + place(4u * at + 1u);
    let c = first + place(4u * at + 2u);
    let d = first + place(4u * at + 3u);
    for (var u = 0u; u < r; u += 1u) {
        y[(row * r + u) * sizes.row4 + at] = vec4<f32>(x[a + u * r], x[b + u * r], x[c + u * r], x[d + u * r]);
    }
}
