// window_attention_lanes: y[i,h] = sum_j p[j] * v[j,h] over the tokens j in the window of token i,
//     p = softmax_j(scale * q[i,h].k[j,h] + bias[h,i,j] + mask[i,j])
//
//     binding 0  qkv      [B, H, W, 3*HEADS*D] of vec4  read
//     binding 1  bias     [HEADS, T, T]                 read
//     binding 2  padding  [3*HEADS*D] of vec4           read (PADDED)
//     binding 3  scales   [HEADS]                       read (COSINE)
//     binding 4  y        [B, H, W, HEADS*D] of vec4    write
//     binding 5  sizes, where d counts vec4s
//
// window_attention_naive defines windows, padding and mask. This kernel is for software
// devices and computes as attention_lanes does. A workgroup computes 4*WG queries of
// one head of one window. All its invocations read the same keys. PADDED says that
// windows reach into the padding. Grid: (ceil(T/(4*WG)), HEADS, B*windows).

//wgsl:import swin
//wgsl:import token

// Choice: at least the vec4s of a head.
const D4 = 8u;
const COSINE = false;
const WG = 8u;

@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> padding: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// outer returns the matrix of columns a * b[i].
fn outer(a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(a * b.x, a * b.y, a * b.z, a * b.w);
}

// added returns what the scores of key t gain: bias and mask.
fn added(queries: vec4<u32>, regions: vec4<u32>, split: vec2<u32>, t: u32) -> vec4<f32> {
    let at = queries * sizes.window_h * sizes.window_w + t;
    let sum = vec4<f32>(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
    return select(sum, sum - 100.0, regions != vec4<u32>(region(split, t)));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tokens = sizes.window_h * sizes.window_w;
    let h = group.y;
    let b = group.z / (sizes.count_h * sizes.count_w);
    let window = vec2<u32>(group.z / sizes.count_w % sizes.count_h, group.z % sizes.count_w);
    let n = vec4<u32>(group.x * 4u * WG + local.x) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let row = min(n, vec4<u32>(tokens - 1u));
    let query0 = token(b, window, row.x);
    let query1 = token(b, window, row.y);
    let query2 = token(b, window, row.z);
    let query3 = token(b, window, row.w);
    let of_q = h * sizes.d;
    let of_k = of_q + sizes.heads * sizes.d;
    let of_v = of_k + sizes.heads * sizes.d;
    var queries: array<mat4x4<f32>, D4>;
    var sums: array<mat4x4<f32>, D4>;
    var squares = vec4<f32>(0.0);
    for (var d = 0u; d < sizes.d; d += 1u) {
        let q = mat4x4<f32>(element(query0, of_q + d), element(query1, of_q + d), element(query2, of_q + d), element(query3, of_q + d));
        queries[d] = q * sizes.scale;
        if (COSINE) {
            squares += vec4<f32>(dot(q[0], q[0]), dot(q[1], q[1]), dot(q[2], q[2]), dot(q[3], q[3]));
        }
    }
    if (COSINE) {
        let factor = scales[h] / max(sqrt(squares), vec4<f32>(1e-12)) / sizes.scale;
        for (var d = 0u; d < sizes.d; d += 1u) {
            let q = queries[d];
            queries[d] = mat4x4<f32>(q[0] * factor.x, q[1] * factor.y, q[2] * factor.z, q[3] * factor.w);
        }
    }
    let split = edge(window);
    let regions = vec4<u32>(region(split, row.x), region(split, row.y), region(split, row.z), region(split, row.w));
    let biases = row + h * tokens;
    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>(0.0);
    for (var t = 0u; t < tokens; t += 8u) {
        let t0 = token(b, window, t);
        let t1 = token(b, window, t + 1u);
        let t2 = token(b, window, t + 2u);
        let t3 = token(b, window, t + 3u);
        let t4 = token(b, window, t + 4u);
        let t5 = token(b, window, t + 5u);
        let t6 = token(b, window, t + 6u);
        let t7 = token(b, window, t + 7u);
        var s0 = vec4<f32>(0.0);
        var s1 = vec4<f32>(0.0);
        var s2 = vec4<f32>(0.0);
        var s3 = vec4<f32>(0.0);
        var s4 = vec4<f32>(0.0);
        var s5 = vec4<f32>(0.0);
        var s6 = vec4<f32>(0.0);
        var s7 = vec4<f32>(0.0);
        var square0 = 0.0;
        var square1 = 0.0;
        var square2 = 0.0;
        var square3 = 0.0;
        var square4 = 0.0;
        var square5 = 0.0;
        var square6 = 0.0;
        var square7 = 0.0;
        for (var d = 0u; d < sizes.d; d += 1u) {
            let x = queries[d];
            let k0 = element(t0, of_k + d);
            s0 += k0 * x;
            let k1 = element(t1, of_k + d);
            s1 += k1 * x;
            let k2 = element(t2, of_k + d);
            s2 += k2 * x;
            let k3 = element(t3, of_k + d);
            s3 += k3 * x;
            let k4 = element(t4, of_k + d);
            s4 += k4 * x;
            let k5 = element(t5, of_k + d);
            s5 += k5 * x;
            let k6 = element(t6, of_k + d);
            s6 += k6 * x;
            let k7 = element(t7, of_k + d);
            s7 += k7 * x;
            if (COSINE) {
                square0 += dot(k0, k0);
                square1 += dot(k1, k1);
                square2 += dot(k2, k2);
                square3 += dot(k3, k3);
                square4 += dot(k4, k4);
                square5 += dot(k5, k5);
                square6 += dot(k6, k6);
                square7 += dot(k7, k7);
            }
        }
        if (COSINE) {
            s0 /= max(sqrt(square0), 1e-12);
            s1 /= max(sqrt(square1), 1e-12);
            s2 /= max(sqrt(square2), 1e-12);
            s3 /= max(sqrt(square3), 1e-12);
            s4 /= max(sqrt(square4), 1e-12);
            s5 /= max(sqrt(square5), 1e-12);
            s6 /= max(sqrt(square6), 1e-12);
            s7 /= max(sqrt(square7), 1e-12);
        }
        // The loop begins at a variable. Eight copies of it take a second to compile.
        for (var key = t; key < min(t + 8u, tokens); key += 1u) {
            let sum = added(biases, regions, split, key);
            s0 += select(vec4<f32>(0.0), sum, key == t);
            s1 += select(vec4<f32>(0.0), sum, key == t + 1u);
            s2 += select(vec4<f32>(0.0), sum, key == t + 2u);
            s3 += select(vec4<f32>(0.0), sum, key == t + 3u);
            s4 += select(vec4<f32>(0.0), sum, key == t + 4u);
            s5 += select(vec4<f32>(0.0), sum, key == t + 5u);
            s6 += select(vec4<f32>(0.0), sum, key == t + 6u);
            s7 += select(vec4<f32>(0.0), sum, key == t + 7u);
        }
        s1 = select(s1, vec4<f32>(LOWEST), t + 1u >= tokens);
        s2 = select(s2, vec4<f32>(LOWEST), t + 2u >= tokens);
        s3 = select(s3, vec4<f32>(LOWEST), t + 3u >= tokens);
        s4 = select(s4, vec4<f32>(LOWEST), t + 4u >= tokens);
        s5 = select(s5, vec4<f32>(LOWEST), t + 5u >= tokens);
        s6 = select(s6, vec4<f32>(LOWEST), t + 6u >= tokens);
        s7 = select(s7, vec4<f32>(LOWEST), t + 7u >= tokens);
        let before = largest;
        largest = max(largest, max(max(max(s0, s1), max(s2, s3)), max(max(s4, s5), max(s6, s7))));
        let shrink = exp(before - largest);
        let p0 = exp(s0 - largest);
        let p1 = select(vec4<f32>(0.0), exp(s1 - largest), t + 1u < tokens);
        let p2 = select(vec4<f32>(0.0), exp(s2 - largest), t + 2u < tokens);
        let p3 = select(vec4<f32>(0.0), exp(s3 - largest), t + 3u < tokens);
        let p4 = select(vec4<f32>(0.0), exp(s4 - largest), t + 4u < tokens);
        let p5 = select(vec4<f32>(0.0), exp(s5 - largest), t + 5u < tokens);
        let p6 = select(vec4<f32>(0.0), exp(s6 - largest), t + 6u < tokens);
        let p7 = select(vec4<f32>(0.0), exp(s7 - largest), t + 7u < tokens);
        total = total * shrink + (((p0 + p1) + (p2 + p3)) + ((p4 + p5) + (p6 + p7)));
        for (var d = 0u; d < sizes.d; d += 1u) {
            var sum = sums[d];
            sum = mat4x4<f32>(sum[0] * shrink.x, sum[1] * shrink.y, sum[2] * shrink.z, sum[3] * shrink.w);
            sum += outer(element(t0, of_v + d), p0);
            sum += outer(element(t1, of_v + d), p1);
            sum += outer(element(t2, of_v + d), p2);
            sum += outer(element(t3, of_v + d), p3);
            sum += outer(element(t4, of_v + d), p4);
            sum += outer(element(t5, of_v + d), p5);
            sum += outer(element(t6, of_v + d), p6);
            sum += outer(element(t7, of_v + d), p7);
            sums[d] = sum;
        }
    }
    let ys = vec4<u32>(query0.at, query1.at, query2.at, query3.at) / 3u + of_q;
    let store = vec4<bool>(!query0.outside, !query1.outside, !query2.outside, !query3.outside) & (n < vec4<u32>(tokens));
    for (var d = 0u; d < sizes.d; d += 1u) {
        let sum = sums[d];
        if (store.x) { y[ys.x + d] = sum[0] / total.x; }
        if (store.y) { y[ys.y + d] = sum[1] / total.y; }
        if (store.z) { y[ys.z + d] = sum[2] / total.z; }
        if (store.w) { y[ys.w + d] = sum[3] / total.w; }
    }
}
