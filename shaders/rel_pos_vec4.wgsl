// rel_pos_vec4: y[b, h, n, k] = sum_c q[b, n, h*D + c] * r[p, k, c]
//
//     binding 0  q  [B, N, STRIDE] of vec4  read
//     binding 1  r  [P, K, D] of vec4       read
//     binding 2  y  [B, H, N, K]            write
//     binding 3  sizes, where d and stride count vec4s
//
// p is the row n / qw of query n in a grid of width qw. With ACROSS it is the column n
// % qw. An invocation computes four heads by four keys of one query, which share their
// loads. Grid: flat(B*N*ceil(H/4)*ceil(K/4)).

//wgsl:import index

// Choice.
const ACROSS = false;
const WG = 64u;

struct Sizes { b: u32, heads: u32, n: u32, k: u32, d: u32, stride: u32, qw: u32 }
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> r: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// store writes those of the keys k to k+3 of head h that exist.
fn store(b: u32, h: u32, n: u32, k: u32, sums: vec4<f32>) {
    if (h >= sizes.heads) {
        return;
    }
    let at = ((b * sizes.heads + h) * sizes.n + n) * sizes.k + k;
    y[at] = sums.x;
    if (k + 1u < sizes.k) { y[at + 1u] = sums.y; }
    if (k + 2u < sizes.k) { y[at + 2u] = sums.z; }
    if (k + 3u < sizes.k) { y[at + 3u] = sums.w; }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    var i = flat_index(global, groups, WG);
    let keys = (sizes.k + 3u) / 4u;
    let k = i % keys * 4u;
    i /= keys;
    let quads = (sizes.heads + 3u) / 4u;
    let h = i % quads * 4u;
    i /= quads;
    let n = i % sizes.n;
    let b = i / sizes.n;
    if (b >= sizes.b) {
        return;
    }
    var p = n / sizes.qw;
    if (ACROSS) {
        p = n % sizes.qw;
    }
    let qs = vec4<u32>((b * sizes.n + n) * sizes.stride) + min(vec4<u32>(h, h + 1u, h + 2u, h + 3u), vec4<u32>(sizes.heads - 1u)) * sizes.d;
    let rs = (vec4<u32>(p * sizes.k) + min(vec4<u32>(k, k + 1u, k + 2u, k + 3u), vec4<u32>(sizes.k - 1u))) * sizes.d;
    var sums0 = vec4<f32>();
    var sums1 = vec4<f32>();
    var sums2 = vec4<f32>();
    var sums3 = vec4<f32>();
    for (var c = 0u; c < sizes.d; c += 1u) {
        let keys4 = mat4x4<f32>(r[rs.x + c], r[rs.y + c], r[rs.z + c], r[rs.w + c]);
        sums0 += q[qs.x + c] * keys4;
        sums1 += q[qs.y + c] * keys4;
        sums2 += q[qs.z + c] * keys4;
        sums3 += q[qs.w + c] * keys4;
    }
    store(b, h, n, k, sums0);
    store(b, h + 1u, n, k, sums1);
    store(b, h + 2u, n, k, sums2);
    store(b, h + 3u, n, k, sums3);
}
