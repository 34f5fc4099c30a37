// matvec_columns: y[z,m,n] = scale * sum_k a[z,m,k] * b[z,k,n]
//
//     binding 0  a  [..., M, K]  read
//     binding 1  b  [..., K, N]  read
//     binding 2  y  [Z, M, N]    write
//     binding 3  sizes
//
// M is at most 4. An invocation computes all rows of a column n. It reads b once, and
// neighbouring invocations read neighbouring elements. z counts a batch of products
// (lib/batch). Grid: (ceil(N/WG), 1, Z).

//wgsl:import batch

// Choice: 4, or 1 if M is 1.
const ROWS = 4u;
const WG = 64u;

struct Sizes { batch: Batch, m: u32, n: u32, k: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>) {
    let n = global.x;
    if (n >= sizes.n) {
        return;
    }
    let matrix = batch_matrices(sizes.batch, global.z);
    // Rows beyond the last one repeat it and are not stored.
    let a0 = matrix.x * sizes.m * sizes.k;
    let a1 = a0 + min(1u, sizes.m - 1u) * sizes.k;
    let a2 = a0 + min(2u, sizes.m - 1u) * sizes.k;
    let a3 = a0 + (sizes.m - 1u) * sizes.k;
    var at = matrix.y * sizes.k * sizes.n + n;
    var sum = vec4<f32>(0.0);
    for (var k = 0u; k < sizes.k; k += 1u) {
        let v = b[at];
        at += sizes.n;
        if (ROWS == 1u) {
            sum.x += a[a0 + k] * v;
        } else {
            sum += vec4<f32>(a[a0 + k], a[a1 + k], a[a2 + k], a[a3 + k]) * v;
        }
    }
    sum *= sizes.scale;
    at = global.z * sizes.m * sizes.n + n;
    y[at] = sum.x;
    if (sizes.m > 1u) { y[at + sizes.n] = sum.y; }
    if (sizes.m > 2u) { y[at + 2u * sizes.n] = sum.z; }
    if (sizes.m > 3u) { y[at + 3u * sizes.n] = sum.w; }
}
