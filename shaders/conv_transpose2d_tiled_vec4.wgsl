// conv_transpose2d_tiled_vec4: y[b, i*KH+u, j*KW+v, o] = act(sum_c x[b,i,j,c] * w[u,v,o,c] + bias[o] + residual[b,i*KH+u,j*KW+v,o])
//
//     binding 0  x         [B, H, W, C/4] of vec4        read
//     binding 1  w         [KH, KW, O, C/4] of vec4      read
//     binding 2  bias      [O/4] of vec4                 read (HAS_BIAS)
//     binding 3  residual  [B, H*KH, W*KW, O/4] of vec4  read (HAS_RESIDUAL)
//     binding 4  y         [B, H*KH, W*KW, O/4] of vec4  write, read (ONTO)
//     binding 5  sizes
//
// The windows neither overlap nor leave gaps. w is packed. The convolution is then a
// matrix product of pixels m and columns n = (u, v, o). A workgroup computes a TILE_M x
// TILE_N tile of it through workgroup memory (lib/tiled), and stores each row as a
// block of pixels. Grid: (ceil(KH*KW*O/TILE_N), ceil(B*H*W/TILE_M), 1).

//wgsl:import epilogue4
//wgsl:import tiled

struct Sizes { m: u32, n4: u32, k4: u32, w: u32, o4: u32, kh: u32, kw: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The tile's first row and four of columns.
var<private> first_m: u32;
var<private> first_n4: u32;
var<private> a_at: u32;

fn seek_k(k4: u32, lane: u32) {}
fn step_k() {}
fn seek_a(row: u32, lane: u32) { a_at = (first_m + row) * sizes.k4; }
fn load_a(turn: u32, k4: u32) -> vec4<f32> { return x[a_at + k4 + turn * LANES * sizes.k4]; }
fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32> { return a; }
fn seek_bt(column: u32) -> u32 { return (4u * first_n4 + column) * sizes.k4; }
fn seek_b(column4: u32, k: u32) -> u32 { return 0u; }
fn next_b() -> u32 { return sizes.k4; }
fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32> { return w[at + k4 + by]; }

fn store(row: u32, column4: u32, sum: vec4<f32>) {
    let m = first_m + row;
    let n4 = first_n4 + column4;
    if (m >= sizes.m || n4 >= sizes.n4) {
        return;
    }
    let o4 = n4 % sizes.o4;
    let v = n4 / sizes.o4 % sizes.kw;
    let u = n4 / (sizes.o4 * sizes.kw);
    let line = m / sizes.w * sizes.kh + u; // of all images, one below the other
    let at = ((line * sizes.w + m % sizes.w) * sizes.kw + v) * sizes.o4 + o4;
    finish(at, o4, sum);
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    first_m = group.y * TILE_M;
    first_n4 = group.x * TILE_N4;
    tiled_product(t, 0u, sizes.k4);
}
