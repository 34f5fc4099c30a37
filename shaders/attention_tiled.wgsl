// attention_tiled: y[b,n,h] = sum_m p[m] * v[b,m,h],
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
// This kernel is for GPUs. A workgroup computes WG queries of one head. It walks over
// the keys in tiles of KEYS, which its invocations copy to workgroup memory together.
// An invocation keeps its query and its sums in registers, and takes four keys at a
// time.
// With UNROLL the loops over channels have constant bounds, so that registers can hold
// the arrays. A software device would take seconds to compile that.
// Grid: (ceil(N/WG), H, B).

//wgsl:import scores

// Choice: vec4s of a head; KEYS is a multiple of 4.
const D4 = 16u;
const DV4 = 16u;
const KEYS = 32u;
const UNROLL = true;
const WG = 64u;

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias1: array<f32>;
@group(0) @binding(4) var<storage, read> bias2: array<f32>;
@group(0) @binding(5) var<storage, read> rel_h: array<f32>;
@group(0) @binding(6) var<storage, read> rel_w: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

var<workgroup> keys: array<vec4<f32>, KEYS * D4>;
var<workgroup> values: array<vec4<f32>, KEYS * DV4>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let h = group.y;
    let b = group.z;
    let n = group.x * WG + local.x;
    let row = min(n, sizes.n - 1u);
    var d4 = D4;
    var dv4 = DV4;
    if (!UNROLL) {
        d4 = sizes.d;
        dv4 = sizes.dv;
    }
    let qs = (b * sizes.n + row) * sizes.q_stride + sizes.q_first + h * D4;
    var query: array<vec4<f32>, D4>;
    var sums: array<vec4<f32>, DV4>;
    for (var d = 0u; d < d4; d += 1u) {
        query[d] = q[qs + d] * sizes.scale;
    }
    var largest = LOWEST;
    var total = 0.0;
    let count = keys_of(row);
    let end = keys_of(group.x * WG + WG - 1u); // of the workgroup's last query
    let ks = b * sizes.m * sizes.k_stride + sizes.k_first + h * D4;
    let vs = b * sizes.m * sizes.v_stride + sizes.v_first + h * DV4;
    for (var first = 0u; first < end; first += KEYS) {
        workgroupBarrier();
        for (var i = local.x; i < KEYS * D4; i += WG) {
            keys[i] = k[ks + min(first + i / D4, sizes.m - 1u) * sizes.k_stride + i % D4];
        }
        for (var i = local.x; i < KEYS * DV4; i += WG) {
            values[i] = v[vs + min(first + i / DV4, sizes.m - 1u) * sizes.v_stride + i % DV4];
        }
        workgroupBarrier();
        for (var j = 0u; j < min(KEYS, end - first); j += 4u) {
            var s = vec4<f32>(0.0);
            for (var d = 0u; d < d4; d += 1u) {
                let at = j * D4 + d;
                s += query[d] * mat4x4<f32>(keys[at], keys[at + D4], keys[at + 2u * D4], keys[at + 3u * D4]);
            }
            let m = vec4<u32>(first + j) + vec4<u32>(0u, 1u, 2u, 3u);
            if (BIASES > 0u || REL) {
                let key = min(m, vec4<u32>(sizes.m - 1u));
                s += vec4<f32>(added(b, h, row, key.x), added(b, h, row, key.y), added(b, h, row, key.z), added(b, h, row, key.w));
            }
            let unseen = m >= vec4<u32>(count);
            s = select(s, vec4<f32>(LOWEST), unseen);
            let before = largest;
            largest = max(largest, max(max(s.x, s.y), max(s.z, s.w)));
            let shrink = exp(before - largest);
            let p = select(exp(s - vec4<f32>(largest)), vec4<f32>(0.0), unseen | (s < vec4<f32>(LOWEST)));
            total = total * shrink + p.x + p.y + p.z + p.w;
            for (var d = 0u; d < dv4; d += 1u) {
                let at = j * DV4 + d;
                sums[d] = sums[d] * shrink + mat4x4<f32>(values[at], values[at + DV4], values[at + 2u * DV4], values[at + 3u * DV4]) * p;
            }
        }
    }
    if (n < sizes.n) {
        let ys = ((b * sizes.n + n) * sizes.h + h) * DV4;
        for (var d = 0u; d < dv4; d += 1u) {
            y[ys + d] = sums[d] / total;
        }
    }
}
