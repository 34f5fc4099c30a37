// attention_naive: y[b,n,h] = sum_m p[m] * v[b,m,h],
//     p = softmax_m(scale * q[b,n,h].k[b,m,h] + bias1[b,h,n,m] + bias2[b,h,n,m] + rel_h[b,h,n,m/kw] + rel_w[b,h,n,m%kw])
//
//     binding 0  q      [B, N, q_stride], head h at q_first + h*D   read
//     binding 1  k      [B, M, k_stride], head h at k_first + h*D   read
//     binding 2  v      [B, M, v_stride], head h at v_first + h*DV  read
//     binding 3  bias1  broadcast by strides to [B, H, N, M]        read (BIASES > 0)
//     binding 4  bias2  likewise                                    read (BIASES > 1)
//     binding 5  rel_h  [B, H, N, KH]                               read (REL)
//     binding 6  rel_w  [B, H, N, KW]                               read (REL)
//     binding 7  y      [B, N, H*DV]                                write
//     binding 8  sizes
//
// With CAUSAL the keys m end at n. An invocation computes CHUNK channels of one head of
// one row of y. It walks over the keys once. It keeps the largest score so far, and the
// sums of exponentials and of values relative to it (Milakov and Gimelshein,
// arXiv:1805.02867).
// The kernel takes all sizes. It explains the fast kernels and is the last candidate.
// Grid: flat(B*H*ceil(DV/CHUNK)*N).

//wgsl:import index
//wgsl:import scores

// Choice.
const CHUNK = 16u;
const WG = 64u;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> bias1: array<f32>;
@group(0) @binding(4) var<storage, read> bias2: array<f32>;
@group(0) @binding(5) var<storage, read> rel_h: array<f32>;
@group(0) @binding(6) var<storage, read> rel_w: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    let chunks = (sizes.dv + CHUNK - 1u) / CHUNK;
    let n = i % sizes.n;
    let first = i / sizes.n % chunks * CHUNK;
    let h = i / (sizes.n * chunks) % sizes.h;
    let b = i / (sizes.n * chunks * sizes.h);
    if (b >= sizes.b) {
        return;
    }
    let some = min(CHUNK, sizes.dv - first);
    let qs = (b * sizes.n + n) * sizes.q_stride + sizes.q_first + h * sizes.d;
    var sums: array<f32, CHUNK>;
    var largest = LOWEST;
    var total = 0.0;
    for (var m = 0u; m < keys_of(n); m += 1u) {
        let ks = (b * sizes.m + m) * sizes.k_stride + sizes.k_first + h * sizes.d;
        var s = 0.0;
        for (var d = 0u; d < sizes.d; d += 1u) {
            s += q[qs + d] * k[ks + d];
        }
        s = s * sizes.scale + added(b, h, n, m);
        let before = largest;
        largest = max(largest, s);
        let shrink = exp(before - largest);
        let p = weight(s, largest);
        total = total * shrink + p;
        let vs = (b * sizes.m + m) * sizes.v_stride + sizes.v_first + h * sizes.dv + first;
        for (var d = 0u; d < some; d += 1u) {
            sums[d] = sums[d] * shrink + p * v[vs + d];
        }
    }
    let at = ((b * sizes.n + n) * sizes.h + h) * sizes.dv + first;
    for (var d = 0u; d < some; d += 1u) {
        y[at + d] = sums[d] / total;
    }
}
