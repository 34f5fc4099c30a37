// conv2d_tiled: y[b,i,j,o] = act(sum_{u,v,c} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, g*cg+c] * w[o,u,v,c] + bias[o] + residual[b,i,j,o])
//
//     binding 0  x         [B, H, W, C]     read
//     binding 1  w         [O, KH, KW, CG]  read
//     binding 2  bias      [O]              read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]   read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]   write, read (ONTO)
//     binding 5  sizes
//
// The convolution is a matrix product. Its rows m are the positions (b, i, j), its
// columns n are the channels of a group, and k counts (u, v, c). Loads find the windows
// of x by index arithmetic. w is packed. A workgroup computes a TILE_M x TILE_N tile of
// one group through workgroup memory (lib/tiled).
// With SPLIT there is one group, and y holds partial sums [SPLITS, M, O], each over
// 4*k_slice k's. split_sum adds them up.
// Grid: (ceil(OG/TILE_N), ceil(B*OH*OW/TILE_M), G, or SPLITS).

//wgsl:import epilogue
//wgsl:import origins
//wgsl:import tiled

// Choice.
const SPLIT = false;

struct Sizes {
    m: u32, n: u32, k: u32, k_slice: u32,
    h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kw: u32, cg: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The first row and column of the tile, the first channels of its group in x and in y,
// and where its sums begin in y.
var<private> first_m: u32;
var<private> first_n: u32;
var<private> first_c: u32;
var<private> first_o: u32;
var<private> y_at: u32;

fn load_x(origin: vec3<u32>, k: u32) -> f32 {
    let tap = k / sizes.cg;
    let r = origin.y + tap / sizes.kw * sizes.dilation_h;
    let s = origin.z + tap % sizes.kw * sizes.dilation_w;
    if (k < sizes.k && r < sizes.h && s < sizes.w) {
        return x[((origin.x + r) * sizes.w + s) * sizes.c + first_c + k % sizes.cg];
    }
    return 0.0;
}

fn load_a(row: u32, k4: u32) -> vec4<f32> {
    if (first_m + row >= sizes.m) {
        return vec4<f32>(0.0);
    }
    let origin = origins[row];
    let k = 4u * k4;
    return vec4<f32>(load_x(origin, k), load_x(origin, k + 1u), load_x(origin, k + 2u), load_x(origin, k + 3u));
}

fn load_b(k: u32, column4: u32) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn load_bt(column: u32, k4: u32) -> vec4<f32> {
    let n = first_n + column;
    var v = vec4<f32>(0.0);
    if (n < sizes.n) {
        let k = 4u * k4;
        let at = (first_o + n) * sizes.k + k;
        if (k < sizes.k) { v.x = w[at]; }
        if (k + 1u < sizes.k) { v.y = w[at + 1u]; }
        if (k + 2u < sizes.k) { v.z = w[at + 2u]; }
        if (k + 3u < sizes.k) { v.w = w[at + 3u]; }
    }
    return v;
}

fn store1(m: u32, n: u32, sum: f32) {
    if (n >= sizes.n) {
        return;
    }
    let o = first_o + n;
    let at = y_at + m * sizes.o + o;
    finish(at, o, sum);
}

fn store(row: u32, column4: u32, sum: vec4<f32>) {
    let m = first_m + row;
    let n = first_n + 4u * column4;
    if (m < sizes.m) {
        store1(m, n, sum.x);
        store1(m, n + 1u, sum.y);
        store1(m, n + 2u, sum.z);
        store1(m, n + 3u, sum.w);
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    first_m = group.y * TILE_M;
    first_n = group.x * TILE_N;
    let k4 = (sizes.k + 3u) / 4u;
    if (SPLIT) {
        y_at = group.z * sizes.m * sizes.o;
        find_origins(t);
        let begin = group.z * sizes.k_slice;
        tiled_product(t, begin, min(begin + sizes.k_slice, k4));
    } else {
        first_c = group.z * sizes.cg;
        first_o = group.z * sizes.n;
        find_origins(t);
        tiled_product(t, 0u, k4);
    }
}
