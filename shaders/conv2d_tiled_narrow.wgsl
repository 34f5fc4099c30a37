// conv2d_tiled_narrow: y[b,i,j,o] = act(sum_{u,v,c} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, g*cg+c] * w[o,u,v,c] + bias[o] + residual[b,i,j,o])
//
//     binding 0  x         [B, H, W, C/4] of vec4     read
//     binding 1  w         [O, KH, KW, CG/4] of vec4  read
//     binding 2  bias      [O]                        read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]             read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]             write, read (ONTO)
//     binding 5  sizes
//
// This is conv2d_tiled_vec4 for any number of channels in y, such as a head's few.
// With SPLIT each partial sum is over k_slice fours of k.
// Grid: (ceil(OG/TILE_N), ceil(B*OH*OW/TILE_M), G, or SPLITS).

//wgsl:import epilogue
//wgsl:import tiled
//wgsl:import windows

// Choice.
const SPLIT = false;

struct Sizes {
    m: u32, n: u32, k4: u32, k_slice: u32,
    h: u32, w: u32, c4: u32, oh: u32, ow: u32, o: u32, kw: u32, cg4: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32, side: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The first row and column of the tile, the first channel of its group in y, the first row
// of w, and where its sums begin in y.
var<private> first_m: u32;
var<private> first_n: u32;
var<private> first_o: u32;
var<private> first_w: u32;
var<private> y_at: u32;

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
    if (SPLIT) {
        y_at = group.z * sizes.m * sizes.o;
        first_w = first_n;
        find_origins(t, 0u);
        let begin = group.z * sizes.k_slice;
        tiled_product(t, begin, min(begin + sizes.k_slice, sizes.k4));
    } else {
        first_o = group.z * sizes.n;
        first_w = first_o + first_n;
        find_origins(t, group.z * sizes.cg4);
        tiled_product(t, 0u, sizes.k4);
    }
}
