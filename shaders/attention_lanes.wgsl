// attention_lanes: attention of four queries an invocation, over eight keys at a time
//
//     binding 0  q      [B, N, q_stride] of vec4, head h at q_first + h*D    read
//     binding 1  k      [B, M, k_stride] of vec4, head h at k_first + h*D    read
//     binding 2  v      [B, M, v_stride] of vec4, head h at v_first + h*DV   read
//     binding 3  bias1  broadcast by strides to [B, H, N, M]                 read (BIASES > 0)
//     binding 4  bias2  likewise                                             read (BIASES > 1)
//     binding 5  rel_h  [B, H, N, KH]                                        read (REL)
//     binding 6  rel_w  [B, H, N, KW]                                        read (REL)
//     binding 7  y      [B, N, H*DV] of vec4                                 write
//     binding 8  sizes, where d, dv, strides and firsts count vec4s
//
// For software devices: no workgroup memory, and the addresses of k and v are
// equal for all invocations of a workgroup, so that one load serves 8 x 4
// queries. Columns of the matrices, and elements of vectors over queries, are
// an invocation's four queries, WG apart. Loops over channels have bounds in
// the sizes, since a driver that unrolls them compiles for seconds. Grid:
// (ceil(N/(4*WG)), H, B).

//wgsl:import lanes

// Choice: the vec4s of a head.
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
        let m0 = min(m + 0u, sizes.m - 1u);
        let m1 = min(m + 1u, sizes.m - 1u);
        let m2 = min(m + 2u, sizes.m - 1u);
        let m3 = min(m + 3u, sizes.m - 1u);
        let m4 = min(m + 4u, sizes.m - 1u);
        let m5 = min(m + 5u, sizes.m - 1u);
        let m6 = min(m + 6u, sizes.m - 1u);
        let m7 = min(m + 7u, sizes.m - 1u);
        let k0 = ks + m0 * sizes.k_stride;
        let k1 = ks + m1 * sizes.k_stride;
        let k2 = ks + m2 * sizes.k_stride;
        let k3 = ks + m3 * sizes.k_stride;
        let k4 = ks + m4 * sizes.k_stride;
        let k5 = ks + m5 * sizes.k_stride;
        let k6 = ks + m6 * sizes.k_stride;
        let k7 = ks + m7 * sizes.k_stride;
        var s0 = vec4<f32>(0.0);
        var s1 = vec4<f32>(0.0);
        var s2 = vec4<f32>(0.0);
        var s3 = vec4<f32>(0.0);
        var s4 = vec4<f32>(0.0);
        var s5 = vec4<f32>(0.0);
        var s6 = vec4<f32>(0.0);
        var s7 = vec4<f32>(0.0);
        for (var d = 0u; d < sizes.d; d += 1u) {
            let x = queries[d];
            s0 += k[k0 + d] * x;
            s1 += k[k1 + d] * x;
            s2 += k[k2 + d] * x;
            s3 += k[k3 + d] * x;
            s4 += k[k4 + d] * x;
            s5 += k[k5 + d] * x;
            s6 += k[k6 + d] * x;
            s7 += k[k7 + d] * x;
        }
        if (BIASES > 0u || REL) { // a loop that is not unrolled: eight times this takes a second to compile
            for (var key = m; key < min(m + 8u, sizes.m); key += 1u) {
                let bias = biases(b, h, row, key);
                s0 += select(vec4<f32>(0.0), bias, key == m + 0u);
                s1 += select(vec4<f32>(0.0), bias, key == m + 1u);
                s2 += select(vec4<f32>(0.0), bias, key == m + 2u);
                s3 += select(vec4<f32>(0.0), bias, key == m + 3u);
                s4 += select(vec4<f32>(0.0), bias, key == m + 4u);
                s5 += select(vec4<f32>(0.0), bias, key == m + 5u);
                s6 += select(vec4<f32>(0.0), bias, key == m + 6u);
                s7 += select(vec4<f32>(0.0), bias, key == m + 7u);
            }
        }
        s0 = seen(s0, m + 0u, count);
        s1 = seen(s1, m + 1u, count);
        s2 = seen(s2, m + 2u, count);
        s3 = seen(s3, m + 3u, count);
        s4 = seen(s4, m + 4u, count);
        s5 = seen(s5, m + 5u, count);
        s6 = seen(s6, m + 6u, count);
        s7 = seen(s7, m + 7u, count);
        let before = largest;
        largest = max(largest, max(max(max(s0, s1), max(s2, s3)), max(max(s4, s5), max(s6, s7))));
        let shrink = exp(before - largest);
        let p0 = weights(s0, largest, m + 0u, count);
        let p1 = weights(s1, largest, m + 1u, count);
        let p2 = weights(s2, largest, m + 2u, count);
        let p3 = weights(s3, largest, m + 3u, count);
        let p4 = weights(s4, largest, m + 4u, count);
        let p5 = weights(s5, largest, m + 5u, count);
        let p6 = weights(s6, largest, m + 6u, count);
        let p7 = weights(s7, largest, m + 7u, count);
        total = total * shrink + (((p0 + p1) + (p2 + p3)) + ((p4 + p5) + (p6 + p7)));
        let v0 = vs + m0 * sizes.v_stride;
        let v1 = vs + m1 * sizes.v_stride;
        let v2 = vs + m2 * sizes.v_stride;
        let v3 = vs + m3 * sizes.v_stride;
        let v4 = vs + m4 * sizes.v_stride;
        let v5 = vs + m5 * sizes.v_stride;
        let v6 = vs + m6 * sizes.v_stride;
        let v7 = vs + m7 * sizes.v_stride;
        for (var d = 0u; d < sizes.dv; d += 1u) {
            var sum = sums[d];
            sum = mat4x4<f32>(sum[0] * shrink.x, sum[1] * shrink.y, sum[2] * shrink.z, sum[3] * shrink.w);
            sum += outer(v[v0 + d], p0);
            sum += outer(v[v1 + d], p1);
            sum += outer(v[v2 + d], p2);
            sum += outer(v[v3 + d], p3);
            sum += outer(v[v4 + d], p4);
            sum += outer(v[v5 + d], p5);
            sum += outer(v[v6 + d], p6);
            sum += outer(v[v7 + d], p7);
            sums[d] = sum;
        }
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
