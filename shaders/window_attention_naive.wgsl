// window_attention_naive: y[i,h] = sum_j p[j] * v[j,h] over the tokens j in the window of token i,
//     p = softmax_j(scale * q[i,h].k[j,h] + bias[h,i,j] + mask[i,j])
//
//     binding 0  qkv      [B, H, W, 3*HEADS*D]  read
//     binding 1  bias     [HEADS, T, T]         read
//     binding 2  padding  [3*HEADS*D]           read
//     binding 3  scales   [HEADS]               read (COSINE)
//     binding 4  y        [B, H, W, HEADS*D]    write
//     binding 5  sizes
//
// The map is padded below and to the right to multiples of the window. It is then
// rolled up and left by the shift and cut into windows. A token in the padding has the
// qkv in `padding`. mask[i,j] is -100 if only the roll made i and j neighbours, else 0.
// With COSINE the score is scales[h] times the cosine of q and k.
// The kernel takes all sizes. It explains the fast kernels and is the last candidate.
// An invocation computes CHUNK channels of one head of one token. It walks over the
// keys once, as attention_naive does. Grid: flat(B*HEADS*ceil(D/CHUNK)*H*W).

//wgsl:import index
//wgsl:import swin

// Choice.
const COSINE = false;
const CHUNK = 16u;
const WG = 64u;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> padding: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// element returns channel c of the qkv of a token.
fn element(b: u32, at: vec2<u32>, c: u32) -> f32 {
    if (at.x < sizes.h && at.y < sizes.w) {
        return qkv[((b * sizes.h + at.x) * sizes.w + at.y) * 3u * sizes.heads * sizes.d + c];
    }
    return padding[c];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    let chunks = (sizes.d + CHUNK - 1u) / CHUNK;
    let token = i % (sizes.h * sizes.w);
    let first = i / (sizes.h * sizes.w) % chunks * CHUNK;
    let h = i / (sizes.h * sizes.w * chunks) % sizes.heads;
    let b = i / (sizes.h * sizes.w * chunks * sizes.heads);
    if (b >= sizes.b) {
        return;
    }
    let some = min(CHUNK, sizes.d - first);
    let extent = vec2<u32>(sizes.window_h, sizes.window_w);
    let padded = extent * vec2<u32>(sizes.count_h, sizes.count_w);
    let here = vec2<u32>(token / sizes.w, token % sizes.w);
    let rolled = (here + padded - vec2<u32>(sizes.shift_h, sizes.shift_w)) % padded;
    let window = rolled / extent;
    let query = rolled.x % extent.x * extent.y + rolled.y % extent.y;
    let split = edge(window);
    let of_query = region(split, query);
    let t = extent.x * extent.y;
    let qs = h * sizes.d;
    let ks = qs + sizes.heads * sizes.d;
    let vs = ks + sizes.heads * sizes.d + first;
    var scale = sizes.scale;
    if (COSINE) {
        var square = 0.0;
        for (var d = 0u; d < sizes.d; d += 1u) {
            let a = element(b, here, qs + d);
            square += a * a;
        }
        scale = scales[h] / max(sqrt(square), 1e-12);
    }
    var sums: array<f32, CHUNK>;
    var largest = -3.4028234e38;
    var total = 0.0;
    for (var key = 0u; key < t; key += 1u) {
        let there = place(window, key);
        var s = 0.0;
        var square = 0.0;
        for (var d = 0u; d < sizes.d; d += 1u) {
            let a = element(b, there, ks + d);
            s += element(b, here, qs + d) * a;
            square += a * a;
        }
        s *= scale;
        if (COSINE) {
            s /= max(sqrt(square), 1e-12);
        }
        s += bias[(h * t + query) * t + key];
        if (region(split, key) != of_query) {
            s -= 100.0;
        }
        let before = largest;
        largest = max(largest, s);
        let shrink = exp(before - largest);
        let p = exp(s - largest);
        total = total * shrink + p;
        for (var d = 0u; d < some; d += 1u) {
            sums[d] = sums[d] * shrink + p * element(b, there, vs + d);
        }
    }
    for (var d = 0u; d < some; d += 1u) {
        y[((b * sizes.h + here.x) * sizes.w + here.y) * sizes.heads * sizes.d + h * sizes.d + first + d] = sums[d] / total;
    }
}
