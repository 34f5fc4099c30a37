// attention_window: a part of attention whose keys and values are seen through windows
//
//     binding 0  q      [B, N, q_stride] of vec4, head h at q_first + h*D  read
//     binding 1  k      [HEADS, KEYS, D] of vec4, of some heads            uniform window
//     binding 2  v      [HEADS, KEYS, DV] of vec4                          uniform window
//     binding 3  bias1  broadcast by strides to [B, H, N, M]               read (BIASES > 0)
//     binding 4  bias2  likewise                                           read (BIASES > 1)
//     binding 5  rel_h  [B, H, N, KH]                                      read (REL)
//     binding 6  rel_w  [B, H, N, KW]                                      read (REL)
//     binding 7  y      [B, N, H*DV] of vec4                               read and written
//     binding 8  state  [B, H, N] of largest score and total               read and written
//     binding 9  sizes, where d, dv, strides and firsts count vec4s
//
// The way is attention_lanes', for devices that read a uniform binding faster
// than a storage one (llvmpipe). A dispatch adds the keys of one window,
// sizes.keys of them from key sizes.first on, to what those before it left in y
// and state; the last divides by the total. It does so for the heads of the
// window, from sizes.head on.
// Grid: (ceil(N/(4*WG)), HEADS).

//wgsl:import lanes

// Choice: the vec4s of a head.
const D4 = 16u;
const DV4 = 16u;
const WG = 8u;

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> k: array<vec4<f32>, 4096>;
@group(0) @binding(2) var<uniform> v: array<vec4<f32>, 4096>;
@group(0) @binding(3) var<storage, read> bias1: array<f32>;
@group(0) @binding(4) var<storage, read> bias2: array<f32>;
@group(0) @binding(5) var<storage, read> rel_h: array<f32>;
@group(0) @binding(6) var<storage, read> rel_w: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> state: array<vec2<f32>>;
@group(0) @binding(9) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let head = sizes.head + group.y;
    let h = head % sizes.h;
    let b = head / sizes.h;
    let n = vec4<u32>(group.x * 4u * WG + local.x) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let row = min(n, vec4<u32>(sizes.n - 1u));
    let qs = (b * sizes.n + row) * sizes.q_stride + sizes.q_first + h * sizes.d;
    let ys = ((b * sizes.n + row) * sizes.h + h) * sizes.dv;
    let rows = head * sizes.n + row; // of state
    var queries: array<mat4x4<f32>, D4>;
    for (var d = 0u; d < sizes.d; d += 1u) {
        queries[d] = mat4x4<f32>(q[qs.x + d], q[qs.y + d], q[qs.z + d], q[qs.w + d]) * sizes.scale;
    }
    var sums: array<mat4x4<f32>, DV4>;
    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>(0.0);
    if (sizes.first > 0u) {
        let before = mat4x2<f32>(state[rows.x], state[rows.y], state[rows.z], state[rows.w]);
        largest = vec4<f32>(before[0].x, before[1].x, before[2].x, before[3].x);
        total = vec4<f32>(before[0].y, before[1].y, before[2].y, before[3].y);
        for (var d = 0u; d < sizes.dv; d += 1u) {
            sums[d] = mat4x4<f32>(y[ys.x + d], y[ys.y + d], y[ys.z + d], y[ys.w + d]);
        }
    }
    let ks = group.y * sizes.keys * sizes.d;
    let vs = group.y * sizes.keys * sizes.dv;
    let end = sizes.first + sizes.keys;
    let count = min(vec4<u32>(end), vec4<u32>(keys_of(row.x), keys_of(row.y), keys_of(row.z), keys_of(row.w)));
    for (var first = 0u; first < sizes.keys; first += 8u) {
        let m = sizes.first + first;
        let m0 = min(first + 0u, sizes.keys - 1u);
        let m1 = min(first + 1u, sizes.keys - 1u);
        let m2 = min(first + 2u, sizes.keys - 1u);
        let m3 = min(first + 3u, sizes.keys - 1u);
        let m4 = min(first + 4u, sizes.keys - 1u);
        let m5 = min(first + 5u, sizes.keys - 1u);
        let m6 = min(first + 6u, sizes.keys - 1u);
        let m7 = min(first + 7u, sizes.keys - 1u);
        let k0 = ks + m0 * sizes.d;
        let k1 = ks + m1 * sizes.d;
        let k2 = ks + m2 * sizes.d;
        let k3 = ks + m3 * sizes.d;
        let k4 = ks + m4 * sizes.d;
        let k5 = ks + m5 * sizes.d;
        let k6 = ks + m6 * sizes.d;
        let k7 = ks + m7 * sizes.d;
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
            for (var key = m; key < min(m + 8u, end); key += 1u) {
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
        let v0 = vs + m0 * sizes.dv;
        let v1 = vs + m1 * sizes.dv;
        let v2 = vs + m2 * sizes.dv;
        let v3 = vs + m3 * sizes.dv;
        let v4 = vs + m4 * sizes.dv;
        let v5 = vs + m5 * sizes.dv;
        let v6 = vs + m6 * sizes.dv;
        let v7 = vs + m7 * sizes.dv;
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
    let last = end == sizes.m;
    let scale = select(vec4<f32>(1.0), 1.0 / total, last);
    for (var d = 0u; d < sizes.dv; d += 1u) {
        let sum = sums[d];
        if (n.x < sizes.n) { y[ys.x + d] = sum[0] * scale.x; }
        if (n.y < sizes.n) { y[ys.y + d] = sum[1] * scale.y; }
        if (n.z < sizes.n) { y[ys.z + d] = sum[2] * scale.z; }
        if (n.w < sizes.n) { y[ys.w + d] = sum[3] * scale.w; }
    }
    if (!last) {
        if (n.x < sizes.n) { state[rows.x] = vec2<f32>(largest.x, total.x); }
        if (n.y < sizes.n) { state[rows.y] = vec2<f32>(largest.y, total.y); }
        if (n.z < sizes.n) { state[rows.z] = vec2<f32>(largest.z, total.z); }
        if (n.w < sizes.n) { state[rows.w] = vec2<f32>(largest.w, total.w); }
    }
}
