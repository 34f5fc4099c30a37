// matmul_naive: y[z,m,n] = scale * sum_k a[z,m,k] * b[z,k,n]
//
//     binding 0  a  [..., M, K]  read
//     binding 1  b  [..., K, N]  read (TRANS_B: [..., N, K])
//     binding 2  y  [..., M, N]  write
//     binding 3  sizes
//
// z counts four batch dimensions (lib/batch). A stride of 0 repeats a matrix. The
// kernel computes the formula as it stands. It explains the fast kernels and is the
// last candidate. An invocation computes one element. Grid: flat(batch*M*N).

//wgsl:import batch
//wgsl:import index

// Choice.
const TRANS_B = false;
const WG = 64u;

struct Sizes { batch: Batch, count: u32, m: u32, n: u32, k: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.count) {
        return;
    }
    let n = i % sizes.n;
    let m = i / sizes.n % sizes.m;
    let matrix = batch_matrices(sizes.batch, i / (sizes.n * sizes.m));
    let row = (matrix.x * sizes.m + m) * sizes.k;
    var column = matrix.y * sizes.k * sizes.n + n;
    var step = sizes.n;
    if (TRANS_B) {
        column = (matrix.y * sizes.n + n) * sizes.k;
        step = 1u;
    }
    var sum = 0.0;
    for (var k = 0u; k < sizes.k; k += 1u) {
        sum += a[row + k] * b[column + k * step];
    }
    y[i] = sizes.scale * sum;
}
