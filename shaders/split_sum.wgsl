// split_sum: y[m,n] = act(sum_s part[s,m,n] + bias[n] + residual[m,n])
//
//     binding 0  part      [SPLITS, M, N]  read
//     binding 1  bias      [N]             read (HAS_BIAS)
//     binding 2  residual  [M, N]          read (HAS_RESIDUAL)
//     binding 3  y         [M, N]          write, read (ONTO)
//     binding 4  sizes
//
// The kernel adds up the partial sums of a product whose K was split. An invocation
// computes one element. Grid: flat(M*N).

//wgsl:import epilogue
//wgsl:import index

const WG = 64u;

struct Sizes { count: u32, n: u32, splits: u32 }
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.count) {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < sizes.splits; s += 1u) {
        sum += part[s * sizes.count + i];
    }
    finish(i, i % sizes.n, sum);
}
