// linear_naive: y[m,n] = act(sum_k x[m,k] * w[n,k] + bias[n] + residual[m,n])
//
//     binding 0  x         [M, K]  read
//     binding 1  w         [N, K]  read
//     binding 2  bias      [N]     read (HAS_BIAS)
//     binding 3  residual  [M, N]  read (HAS_RESIDUAL)
//     binding 4  y         [M, N]  write, read (ONTO)
//     binding 5  sizes
//
// The kernel computes the formula as it stands. It explains the fast kernels and is the
// last candidate. An invocation computes one element. Grid: flat(M*N).

//wgsl:import epilogue
//wgsl:import index

const WG = 64u;

struct Sizes { m: u32, n: u32, k: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.m * sizes.n) {
        return;
    }
    let m = i / sizes.n;
    let n = i % sizes.n;
    var sum = 0.0;
    for (var k = 0u; k < sizes.k; k += 1u) {
        sum += x[m * sizes.k + k] * w[n * sizes.k + k];
    }
    finish(i, n, sum);
}
