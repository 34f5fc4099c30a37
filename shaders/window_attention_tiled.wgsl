// window_attention_tiled: y[i,h] = sum_j p[j] * v[j,h] over the tokens j in the window of token i,
//     p = softmax_j(scale * q[i,h].k[j,h] + bias[h,i,j] + mask[i,j])
//
//     binding 0  qkv      [B, H, W, 3*HEADS*D] of vec4  read
//     binding 1  bias     [HEADS, T, T]                 read
//     binding 2  padding  [3*HEADS*D] of vec4           read (PADDED)
//     binding 3  scales   [HEADS]                       read (COSINE)
//     binding 4  y        [B, H, W, HEADS*D] of vec4    write
//     binding 5  sizes, where d counts vec4s
//
// window_attention_naive defines windows, padding and mask. This kernel is for GPUs and
// computes as attention_tiled does. A workgroup computes WG queries of one head of one
// window. With COSINE its invocations normalise the keys in workgroup memory, each one
// key at a time. PADDED says that windows reach into the padding.
// Grid: (ceil(T/WG), HEADS, B*windows).

//wgsl:import swin
//wgsl:import token

// Choice: vec4s of a head; KEYS of a tile is a multiple of 4.
const D4 = 8u;
const KEYS = 64u;
const COSINE = false;
const UNROLL = true;
const WG = 64u;

@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> padding: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

var<workgroup> keys: array<vec4<f32>, KEYS * D4>;
var<workgroup> values: array<vec4<f32>, KEYS * D4>;

// added returns what the score of key t gains: bias and mask.
fn added(at: u32, of_query: u32, split: vec2<u32>, t: u32) -> f32 {
    let key = min(t, sizes.window_h * sizes.window_w - 1u);
    return bias[at + key] - select(0.0, 100.0, region(split, key) != of_query);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tokens = sizes.window_h * sizes.window_w;
    let h = group.y;
    let b = group.z / (sizes.count_h * sizes.count_w);
    let window = vec2<u32>(group.z / sizes.count_w % sizes.count_h, group.z % sizes.count_w);
    let n = group.x * WG + local.x;
    let row = min(n, tokens - 1u);
    let here = token(b, window, row);
    var d4 = D4;
    if (!UNROLL) {
        d4 = sizes.d;
    }
    let of_q = h * D4;
    let of_k = of_q + sizes.heads * D4;
    let of_v = of_k + sizes.heads * D4;
    var query: array<vec4<f32>, D4>;
    var sums: array<vec4<f32>, D4>;
    var scale = sizes.scale;
    var square = 0.0;
    for (var d = 0u; d < d4; d += 1u) {
        let x = element(here, of_q + d);
        query[d] = x;
        square += dot(x, x);
    }
    if (COSINE) {
        scale = scales[h] / max(sqrt(square), 1e-12);
    }
    let split = edge(window);
    let of_query = region(split, row);
    let at_bias = (h * tokens + row) * tokens;
    var largest = LOWEST;
    var total = 0.0;
    for (var first = 0u; first < tokens; first += KEYS) {
        workgroupBarrier();
        for (var i = local.x; i < KEYS * D4; i += WG) {
            let t = token(b, window, first + i / D4);
            keys[i] = element(t, of_k + i % D4);
            values[i] = element(t, of_v + i % D4);
        }
        workgroupBarrier();
        if (COSINE) {
            for (var i = local.x; i < KEYS; i += WG) {
                var length2 = 0.0;
                for (var d = 0u; d < d4; d += 1u) {
                    length2 += dot(keys[i * D4 + d], keys[i * D4 + d]);
                }
                let factor = 1.0 / max(sqrt(length2), 1e-12);
                for (var d = 0u; d < d4; d += 1u) {
                    keys[i * D4 + d] *= factor;
                }
            }
            workgroupBarrier();
        }
        for (var j = 0u; j < min(KEYS, tokens - first); j += 4u) {
            var s = vec4<f32>(0.0);
            for (var d = 0u; d < d4; d += 1u) {
                let at = j * D4 + d;
                s += query[d] * mat4x4<f32>(keys[at], keys[at + D4], keys[at + 2u * D4], keys[at + 3u * D4]);
            }
            let t = first + j;
            s = s * scale + vec4<f32>(added(at_bias, of_query, split, t), added(at_bias, of_query, split, t + 1u),
                added(at_bias, of_query, split, t + 2u), added(at_bias, of_query, split, t + 3u));
            let none = vec4<u32>(t, t + 1u, t + 2u, t + 3u) >= vec4<u32>(tokens);
            s = select(s, vec4<f32>(LOWEST), none);
            let before = largest;
            largest = max(largest, max(max(s.x, s.y), max(s.z, s.w)));
            let shrink = exp(before - largest);
            let p = select(exp(s - vec4<f32>(largest)), vec4<f32>(0.0), none);
            total = total * shrink + p.x + p.y + p.z + p.w;
            for (var d = 0u; d < d4; d += 1u) {
                let at = j * D4 + d;
                sums[d] = sums[d] * shrink + mat4x4<f32>(values[at], values[at + D4], values[at + 2u * D4], values[at + 3u * D4]) * p;
            }
        }
    }
    if (n < tokens && !here.outside) {
        let ys = here.at / 3u + of_q;
        for (var d = 0u; d < d4; d += 1u) {
            y[ys + d] = sums[d] / total;
        }
    }
}
