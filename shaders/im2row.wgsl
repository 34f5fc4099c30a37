// im2row: y[b,i,j, v*C+c] = x[b, i, j*stride-pad+v*dilation, c], or 0 outside x
//
//     binding 0  x  [B, H, W, C]             read
//     binding 1  y  [B, H, OW, K/4] of vec4  write
//     binding 2  sizes
//
// The kernel lays the KW taps of each window out as one row of K = KW*C numbers. Zeros
// fill K up to a multiple of 4. Kernels that read vec4s can then take images with one
// or three channels. An invocation computes one vec4. Grid: flat(B*H*OW*K/4).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, w: u32, c: u32, ow: u32, k4: u32, kw: u32, stride: u32, pad: u32, dilation: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// tap returns element k of the window that begins at column `first` of a row of x.
fn tap(row: u32, first: u32, k: u32) -> f32 {
    let v = k / sizes.c;
    let column = first + v * sizes.dilation; // wraps round left of the image
    if (v >= sizes.kw || column >= sizes.w) {
        return 0.0;
    }
    return x[(row * sizes.w + column) * sizes.c + k % sizes.c];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let k = i % sizes.k4 * 4u;
    let first = i / sizes.k4 % sizes.ow * sizes.stride - sizes.pad;
    let row = i / (sizes.k4 * sizes.ow);
    y[i] = vec4<f32>(tap(row, first, k), tap(row, first, k + 1u), tap(row, first, k + 2u), tap(row, first, k + 3u));
}
