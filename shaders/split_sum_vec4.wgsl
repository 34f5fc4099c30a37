// split_sum_vec4: y[m,n] = act(sum_s part[s,m,n] + bias[n] + residual[m,n])
//
//     binding 0  part      [SPLITS, M, N/4] of vec4  read
//     binding 1  bias      [N/4] of vec4             read (HAS_BIAS)
//     binding 2  residual  [M, N/4] of vec4          read (HAS_RESIDUAL)
//     binding 3  y         [M, N/4] of vec4          write, read (ONTO)
//     binding 4  sizes
//
// The kernel adds up the partial sums of a product whose K was split. An invocation
// computes four elements. Grid: flat(M*N/4).

//wgsl:import epilogue4
//wgsl:import index

const WG = 64u;

struct Sizes { count4: u32, n4: u32, splits: u32 }
@group(0) @binding(0) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

// of_split returns a split's sums, and 0 if there is no such split. Its loads have no
// branches, and four are in flight at once.
fn of_split(s: u32, i: u32) -> vec4<f32> {
    let sums = part[min(s, sizes.splits - 1u) * sizes.count4 + i];
    return select(vec4<f32>(), sums, s < sizes.splits);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.count4) {
        return;
    }
    var sum = vec4<f32>();
    for (var s = 0u; s < sizes.splits; s += 4u) {
        sum += (of_split(s, i) + of_split(s + 1u, i)) + (of_split(s + 2u, i) + of_split(s + 3u, i));
    }
    finish(i, i % sizes.n4, sum);
}
