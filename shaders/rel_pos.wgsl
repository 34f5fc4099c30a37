// rel_pos: y[b, h, n, k] = sum_c q[b, n, h*D + c] * r[p, k, c]
//
//     binding 0  q  [B, N, STRIDE]  read
//     binding 1  r  [P, K, D]       read
//     binding 2  y  [B, H, N, K]    write
//     binding 3  sizes
//
// p is the row n / qw of query n in a grid of width qw. With ACROSS it is the column n
// % qw. An invocation computes one element. Grid: flat(B*H*N*K).

//wgsl:import index

// Choice.
const ACROSS = false;
const WG = 64u;

struct Sizes { total: u32, heads: u32, n: u32, k: u32, d: u32, stride: u32, qw: u32 }
@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> r: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.total) {
        return;
    }
    let n = i / sizes.k % sizes.n;
    let h = i / (sizes.k * sizes.n) % sizes.heads;
    let b = i / (sizes.k * sizes.n * sizes.heads);
    var p = n / sizes.qw;
    if (ACROSS) {
        p = n % sizes.qw;
    }
    let qs = (b * sizes.n + n) * sizes.stride + h * sizes.d;
    let rs = (p * sizes.k + i % sizes.k) * sizes.d;
    var sum = 0.0;
    for (var c = 0u; c < sizes.d; c += 1u) {
        sum += q[qs + c] * r[rs + c];
    }
    y[i] = sum;
}
