// pixel_shuffle: y[b, i*r+u, j*r+v, c] = x[b, i, j, c*r*r + u*r + v]
//     with UNSHUFFLE the inverse: x and y exchange their places (pixel_unshuffle)
//
//     binding 0  x  [B, H, W, C*R*R]  read (UNSHUFFLE: [B, H*R, W*R, C])
//     binding 1  y  [B, H*R, W*R, C]  write (UNSHUFFLE: [B, H, W, C*R*R])
//     binding 2  sizes
//
// An invocation copies one element of y. Grid: flat(N).

//wgsl:import index

// Choice.
const UNSHUFFLE = false;
const WG = 64u;

struct Sizes { n: u32, width: u32, channels: u32, r: u32 } // width and channels of y
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let r = sizes.r;
    let k = i % sizes.channels;
    let column = i / sizes.channels % sizes.width;
    let row = i / (sizes.channels * sizes.width); // counted through all images
    if (UNSHUFFLE) {
        let c = k / (r * r);
        let u = k / r % r;
        let v = k % r;
        y[i] = x[((row * r + u) * sizes.width * r + column * r + v) * (sizes.channels / (r * r)) + c];
    } else {
        let source = (k * r + row % r) * r + column % r;
        y[i] = x[(row / r * (sizes.width / r) + column / r) * sizes.channels * r * r + source];
    }
}
