// matvec_vec4: y[z,m,n] = act(scale * sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [..., M, K/4] of vec4  read
//     binding 1  w         [..., N, K/4] of vec4  read
//     binding 2  bias      [N]                    read (HAS_BIAS)
//     binding 3  residual  [Z, M, N]              read (HAS_RESIDUAL)
//     binding 4  y         [Z, M, N]              write, read (ONTO)
//     binding 5  sizes
//
// This is matvec for a K that is a multiple of 4. Grid: (ceil(N/COLUMNS), 1, Z).

//wgsl:import batch
//wgsl:import epilogue
//wgsl:import matvec

struct Sizes { batch: Batch, m: u32, n: u32, k4: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
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
    let k4 = sizes.k4;
    let x0 = matrix.x * sizes.m * k4;
    let x1 = x0 + min(1u, sizes.m - 1u) * k4;
    let x2 = x0 + min(2u, sizes.m - 1u) * k4;
    let x3 = x0 + (sizes.m - 1u) * k4;
    let column = (matrix.y * sizes.n + min(n, sizes.n - 1u)) * k4;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var k = lane; k < k4; k += LANES) {
        let v = w[column + k];
        s0 = fma(x[x0 + k], v, s0);
        if (ROWS > 1u) {
            s1 = fma(x[x1 + k], v, s1);
            s2 = fma(x[x2 + k], v, s2);
            s3 = fma(x[x3 + k], v, s3);
        }
    }
    let sum = vec4<f32>(
        (s0.x + s0.y) + (s0.z + s0.w),
        (s1.x + s1.y) + (s1.z + s1.w),
        (s2.x + s2.y) + (s2.z + s2.w),
        (s3.x + s3.y) + (s3.z + s3.w));
    let total = sum_lanes(t, sum);
    if (lane >= sizes.m || n >= sizes.n) {
        return;
    }
    let at = (group.z * sizes.m + lane) * sizes.n + n;
    finish(at, n, sizes.scale * row_of(total, lane));
}
