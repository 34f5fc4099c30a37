// matvec: y[z,m,n] = act(scale * sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [..., M, K]  read
//     binding 1  w         [..., N, K]  read
//     binding 2  bias      [N]          read (HAS_BIAS)
//     binding 3  residual  [Z, M, N]    read (HAS_RESIDUAL)
//     binding 4  y         [Z, M, N]    write, read (ONTO)
//     binding 5  sizes
//
// M is at most 4. LANES neighbouring invocations share a column n. They take turns
// along its k's and add up their sums; the first M of them store. z counts a batch of
// products (lib/batch). Grid: (ceil(N/COLUMNS), 1, Z).

//wgsl:import batch
//wgsl:import epilogue
//wgsl:import matvec

struct Sizes { batch: Batch, m: u32, n: u32, k: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = t % LANES;
    let n = group.x * COLUMNS + t / LANES;
    let matrix = batch_matrices(sizes.batch, group.z);
    // Rows and columns beyond the last one repeat it and are not stored.
    let inner = sizes.k;
    let x0 = matrix.x * sizes.m * inner;
    let x1 = x0 + min(1u, sizes.m - 1u) * inner;
    let x2 = x0 + min(2u, sizes.m - 1u) * inner;
    let x3 = x0 + (sizes.m - 1u) * inner;
    let column = (matrix.y * sizes.n + min(n, sizes.n - 1u)) * inner;
    var sum = vec4<f32>(0.0);
    for (var k = lane; k < inner; k += LANES) {
        let v = w[column + k];
        if (ROWS == 1u) {
            sum.x = fma(x[x0 + k], v, sum.x);
        } else {
            sum = fma(vec4<f32>(x[x0 + k], x[x1 + k], x[x2 + k], x[x3 + k]), vec4<f32>(v), sum);
        }
    }
    let total = sum_lanes(t, sum);
    if (lane >= sizes.m || n >= sizes.n) {
        return;
    }
    let at = (group.z * sizes.m + lane) * sizes.n + n;
    finish(at, n, sizes.scale * row_of(total, lane));
}
