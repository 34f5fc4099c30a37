// linear_tiled_vec4: y[z,m,n] = act(scale * sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [..., M, K/4] of vec4  read
//     binding 1  w         [..., N, K/4] of vec4  read (TRANS_B, else [..., K, N/4])
//     binding 2  bias      [N/4] of vec4          read (HAS_BIAS)
//     binding 3  residual  [Z, M, N/4] of vec4    read (HAS_RESIDUAL)
//     binding 4  y         [Z, M, N/4] of vec4    write, read (ONTO)
//     binding 5  sizes
//
// This is linear_tiled for K and N that are multiples of 4. With SPLIT each partial sum
// is over k_slice fours of k. Grid: (ceil(N/TILE_N), ceil(M/TILE_M), Z, or SPLITS).

//wgsl:import batch
//wgsl:import epilogue4
//wgsl:import tiled

// Choice.
const SPLIT = false;

struct Sizes { batch: Batch, m: u32, n4: u32, k4: u32, scale: f32, k_slice: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The first row and four of columns of the tile, and where its matrices begin.
var<private> first_m: u32;
var<private> first_n4: u32;
var<private> x_at: u32;
var<private> w_at: u32;
var<private> y_at: u32;
var<private> a_at: u32;

fn seek_k(k4: u32, lane: u32) {}
fn step_k() {}
fn seek_a(row: u32, lane: u32) { a_at = x_at + (first_m + row) * sizes.k4; }
fn load_a(turn: u32, k4: u32) -> vec4<f32> { return x[a_at + k4 + turn * LANES * sizes.k4]; }
fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32> { return a; }
fn seek_bt(column: u32) -> u32 { return w_at + (4u * first_n4 + column) * sizes.k4; }
fn seek_b(column4: u32, k: u32) -> u32 { return w_at + first_n4 + column4 + k * sizes.n4; }
fn next_b() -> u32 { return select(sizes.n4, sizes.k4, TRANS_B); }
fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32> { return w[at + k4 * select(4u * sizes.n4, 1u, TRANS_B) + by]; }

fn store(row: u32, column4: u32, sum: vec4<f32>) {
    let m = first_m + row;
    let n4 = first_n4 + column4;
    if (m >= sizes.m || n4 >= sizes.n4) {
        return;
    }
    let at = y_at + m * sizes.n4 + n4;
    finish(at, n4, sizes.scale * sum);
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    first_m = group.y * TILE_M;
    first_n4 = group.x * TILE_N4;
    y_at = group.z * sizes.m * sizes.n4;
    if (SPLIT) {
        let begin = group.z * sizes.k_slice;
        tiled_product(t, begin, min(begin + sizes.k_slice, sizes.k4));
    } else {
        let matrix = batch_matrices(sizes.batch, group.z);
        x_at = matrix.x * sizes.m * sizes.k4;
        w_at = matrix.y * sizes.n4 * sizes.k4 * 4u;
        tiled_product(t, 0u, sizes.k4);
    }
}
