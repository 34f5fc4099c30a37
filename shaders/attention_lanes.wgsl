// attention_lanes: y[b,n,h] = sum_m p[m] * v[b,m,h],
//     p = softmax_m(scale * q[b,n,h].k[b,m,h] + bias1[b,h,n,m] + bias2[b,h,n,m] + rel_h[b,h,n,m/kw] + rel_w[b,h,n,m%kw])
//
//     binding 0  q      [B, N, q_stride] of vec4, head h at q_first + h*D   read
//     binding 1  k      [B, M, k_stride] of vec4, head h at k_first + h*D   read
//     binding 2  v      [B, M, v_stride] of vec4, head h at v_first + h*DV  read
//     binding 3  bias1  broadcast by strides to [B, H, N, M]                read (BIASES > 0)
//     binding 4  bias2  likewise                                            read (BIASES > 1)
//     binding 5  rel_h  [B, H, N, KH]                                       read (REL)
//     binding 6  rel_w  [B, H, N, KW]                                       read (REL)
//     binding 7  y      [B, N, H*DV] of vec4                                write
//     binding 8  sizes, where d, dv, strides and firsts count vec4s
//
// This kernel is for software devices. It uses no workgroup memory. An invocation
// computes four queries of one head, WG apart, and takes eight keys at a time. All
// invocations of a workgroup read the same keys and values, so one load serves 8 x 4
// queries.
// An element of a vector and a column of a matrix belong to one of the four queries.
// The bounds of loops over channels are among the sizes: llvmpipe would unroll constant
// ones, and take seconds to compile. Grid: (ceil(N/(4*WG)), H, B).

//wgsl:import lanes

// Choice: at least the vec4s of a head.
const D4 = 16u;
const DV4 = 16u;
const WG = 8u;

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias1: array<f32>;
@group(0) @binding(4) var<storage, read> bias2: array<f32>;
@group(0) @binding(5) var<storage, read> rel_h: array<f32>;
@group(0) @binding(6) var<storage, read> rel_w: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let h = group.y;
    let b = group.z;
    let n = vec4<u32>(group.x * 4u * WG + local.x) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let row = min(n, vec4<u32>(sizes.n - 1u));
    let qs = (b * sizes.n + row) * sizes.q_stride + sizes.q_first + h * sizes.d;
    var queries: array<mat4x4<f32>, D4>;
    var sums: array<mat4x4<f32>, DV4>;
    for (var d = 0u; d < sizes.d; d += 1u) {
        queries[d] = mat4x4<f32>(q[qs.x + d], q[qs.y + d], q[qs.z + d], q[qs.w + d]) * sizes.scale;
    }
    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>(0.0);
    let count = vec4<u32>(keys_of(row.x), keys_of(row.y), keys_of(row.z), keys_of(row.w));
    let end = keys_of(group.x * 4u * WG + 4u * WG - 1u);
    let ks = b * sizes.m * sizes.k_stride + sizes.k_first + h * sizes.d;
    let vs = b * sizes.m * sizes.v_stride + sizes.v_first + h * sizes.dv;
    for (var m = 0u; m < end; m += 8u) {
        let first = m;
        let held = sizes.m;
        //wgsl:import eight_keys
    }
    let ys = ((b * sizes.n + row) * sizes.h + h) * sizes.dv;
    for (var d = 0u; d < sizes.dv; d += 1u) {
        let sum = sums[d];
        if (n.x < sizes.n) { y[ys.x + d] = sum[0] / total.x; }
        if (n.y < sizes.n) { y[ys.y + d] = sum[1] / total.y; }
        if (n.z < sizes.n) { y[ys.z + d] = sum[2] / total.z; }
        if (n.w < sizes.n) { y[ys.w + d] = sum[3] / total.w; }
    }
}
