// attention_pane: y[b,n,h] = sum_m p[m] * v[b,m,h],
//     p = softmax_m(scale * q[b,n,h].k[b,m,h] + bias1[b,h,n,m] + bias2[b,h,n,m] + rel_h[b,h,n,m/kw] + rel_w[b,h,n,m%kw])
//
//     binding 0  q      [B, N, q_stride] of vec4, head h at q_first + h*D  read
//     binding 1  k      [HEADS, KEYS, D] of vec4, of some heads            pane
//     binding 2  v      [HEADS, KEYS, DV] of vec4                          pane
//     binding 3  bias1  broadcast by strides to [B, H, N, M]               read (BIASES > 0)
//     binding 4  bias2  likewise                                           read (BIASES > 1)
//     binding 5  rel_h  [B, H, N, KH]                                      read (REL)
//     binding 6  rel_w  [B, H, N, KW]                                      read (REL)
//     binding 7  y      [B, N, H*DV] of vec4                               write, read
//     binding 8  state  [B, H, N] of vec2, largest score and total         write, read
//     binding 9  sizes, where d, dv, strides and firsts count vec4s
//
// This kernel is for software devices. It computes as attention_lanes does, but sees
// packed keys and values through panes: llvmpipe reads a uniform binding faster than a
// storage one. A pane holds KEYS keys, from sizes.first on, of HEADS heads. Heads count
// through all images, and those of a pane begin at sizes.head.
// There is one dispatch for each pane. It adds its keys to what earlier dispatches left
// in y and state. The last dispatch of a head divides by the total.
// Grid: (ceil(N/(4*WG)), HEADS).

//wgsl:import lanes

// Choice: at least the vec4s of a head.
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
        let held = sizes.keys;
        //wgsl:import eight_keys
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
