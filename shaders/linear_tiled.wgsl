// linear_tiled: y[z,m,n] = act(scale * sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [..., M, K]  read
//     binding 1  w         [..., N, K]  read (TRANS_B, else [..., K, N])
//     binding 2  bias      [N]          read (HAS_BIAS)
//     binding 3  residual  [Z, M, N]    read (HAS_RESIDUAL)
//     binding 4  y         [Z, M, N]    write, read (ONTO)
//     binding 5  sizes
//
// z counts a batch of products (lib/batch). A workgroup computes a TILE_M x TILE_N tile
// of y through workgroup memory (lib/tiled).
// With SPLIT y holds partial sums [SPLITS, M, N], each over 4*k_slice k's. split_sum
// adds them up. Grid: (ceil(N/TILE_N), ceil(M/TILE_M), Z, or SPLITS).

//wgsl:import batch
//wgsl:import epilogue
//wgsl:import tiled

// Choice.
const SPLIT = false;

struct Sizes { batch: Batch, m: u32, n: u32, k: u32, scale: f32, k_slice: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The first row and column of the tile, where its matrices begin, and where the
// first row of x that an invocation loads does.
var<private> first_m: u32;
var<private> first_n: u32;
var<private> x_at: u32;
var<private> w_at: u32;
var<private> y_at: u32;
var<private> a_at: u32;

// first returns the first `count` elements of v, and zeros for the others.
fn first(v: vec4<f32>, count: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count));
}

fn w4(at: u32) -> vec4<f32> { return vec4<f32>(w[at], w[at + 1u], w[at + 2u], w[at + 3u]); }

fn seek_k(k4: u32, lane: u32) {}
fn step_k() {}
fn seek_a(row: u32, lane: u32) { a_at = x_at + (first_m + row) * sizes.k; }
fn load_a(turn: u32, k4: u32) -> vec4<f32> {
    let start = a_at + 4u * k4 + turn * LANES * sizes.k;
    return first(vec4<f32>(x[start], x[start + 1u], x[start + 2u], x[start + 3u]), sizes.k - 4u * k4);
}
fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32> { return a; }
fn seek_bt(column: u32) -> u32 { return w_at + (first_n + column) * sizes.k; }
fn seek_b(column4: u32, k: u32) -> u32 { return w_at + first_n + 4u * column4 + k * sizes.n; }
fn next_b() -> u32 { return select(sizes.n, sizes.k, TRANS_B); }

// Without TRANS_B `at` may be in any of four rows, and a row beyond K may be the next
// matrix or no memory at all.
fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32> {
    if (TRANS_B) {
        return first(w4(at + 4u * k4 + by), sizes.k - 4u * k4);
    }
    let start = at + 4u * k4 * sizes.n + by;
    return select(vec4<f32>(0.0), w4(start), vec4<bool>(start < w_at + sizes.k * sizes.n));
}

fn store1(m: u32, n: u32, sum: f32) {
    if (n >= sizes.n) {
        return;
    }
    let at = y_at + m * sizes.n + n;
    finish(at, n, sizes.scale * sum);
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
    y_at = group.z * sizes.m * sizes.n;
    let k4 = (sizes.k + 3u) / 4u;
    if (SPLIT) {
        let begin = group.z * sizes.k_slice;
        tiled_product(t, begin, min(begin + sizes.k_slice, k4));
    } else {
        let matrix = batch_matrices(sizes.batch, group.z);
        x_at = matrix.x * sizes.m * sizes.k;
        w_at = matrix.y * sizes.n * sizes.k;
        tiled_product(t, 0u, k4);
    }
}
