// attention_flash: y[b,n,h] = sum_m p[m] * v[b,m,h],
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
// This kernel is for GPUs. A workgroup computes BQ queries of one head. With SPLIT it sees
// only `keys` of the keys, and y is [SPLITS, B, N, H, DV+1]: sums, and behind them the
// largest score and the total, for attention_merge. REL_ROWS says that KW is a multiple of
// a tile's keys. Grid: (ceil(N/BQ), H, B*SPLITS).

//wgsl:import scores
//wgsl:import flash

// Choice.
const REL_ROWS = false;
const SPLIT = 0u; // or 1

// Derived.
const COSINE = false;
const WIDTH = DV4 + SPLIT;

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias1: array<f32>;
@group(0) @binding(4) var<storage, read> bias2: array<f32>;
@group(0) @binding(5) var<storage, read> rel_h: array<f32>;
@group(0) @binding(6) var<storage, read> rel_w: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

var<private> b: u32;
var<private> h: u32;
var<private> y_at: u32;

fn query_row(n: u32) -> u32 {
    return (b * sizes.n + min(n, sizes.n - 1u)) * sizes.q_stride + sizes.q_first + h * D4;
}

fn key_row(m: u32) -> u32 {
    return (b * sizes.m + min(m, sizes.m - 1u)) * sizes.k_stride + sizes.k_first + h * D4;
}

fn value_row(m: u32) -> u32 {
    return (b * sizes.m + min(m, sizes.m - 1u)) * sizes.v_stride + sizes.v_first + h * DV4;
}

fn query(at: u32, column: u32) -> vec4<f32> {
    if (D4 % SLICE == 0u) {
        return q[at + column];
    }
    return select(vec4<f32>(0.0), q[at + min(column, D4 - 1u)], column < D4);
}

fn key(at: u32, column: u32) -> vec4<f32> {
    if (D4 % SLICE == 0u) {
        return k[at + column];
    }
    return k[at + min(column, D4 - 1u)];
}

fn key_factor() -> f32 { return sizes.scale; }
fn cosine_factor() -> f32 { return 1.0; }

fn value(at: u32, tx: u32, column: u32) -> vec4<f32> {
    if (DV4 % TX == 0u) {
        return v[at + tx + column];
    }
    return v[at + min(tx + column, DV4 - 1u)];
}

// Start says where the biases of a query and of four keys are: that of the first key, and
// how far from there the others are. Rows below are then sums that a compiler does not
// keep in registers over the loop.
struct Start {
    bias1: u32, bias2: u32, rel_h: u32, rel_w: u32,
    m: vec4<u32>, bias1_m: vec4<u32>, bias2_m: vec4<u32>, down: vec4<u32>, across: vec4<u32>,
}

fn start_at(n: u32, m: u32) -> Start {
    var at: Start;
    at.m = vec4<u32>(m, m + 1u, m + 2u, m + 3u);
    let some = min(at.m, vec4<u32>(sizes.m - 1u));
    let after = some - vec4<u32>(some.x);
    if (BIASES > 0u) {
        at.bias1 = b * sizes.bias1_b + h * sizes.bias1_h + n * sizes.bias1_n + some.x * sizes.bias1_m;
        at.bias1_m = after * sizes.bias1_m;
    }
    if (BIASES > 1u) {
        at.bias2 = b * sizes.bias2_b + h * sizes.bias2_h + n * sizes.bias2_n + some.x * sizes.bias2_m;
        at.bias2_m = after * sizes.bias2_m;
    }
    if (REL) {
        let row = (b * sizes.h + h) * sizes.n + n;
        let down = vec4<u32>((vec4<f32>(some) + 0.5) / f32(sizes.kw)); // as in lib/scores
        at.rel_h = row * sizes.kh + down.x;
        at.down = down - vec4<u32>(down.x);
        at.rel_w = row * sizes.kw + some.x - down.x * sizes.kw;
        at.across = select(after - at.down * sizes.kw, vec4<u32>(0u, 1u, 2u, 3u), REL_ROWS);
    }
    return at;
}

// start_below returns the place TY queries below.
fn start_below(before: Start) -> Start {
    var at = before;
    at.bias1 += TY * sizes.bias1_n;
    at.bias2 += TY * sizes.bias2_n;
    at.rel_h += TY * sizes.kh;
    at.rel_w += TY * sizes.kw;
    return at;
}

// start returns what the scores of query n gain. Queries that do not exist read others'.
fn start(at: Start, n: u32, i: u32) -> vec4<f32> {
    var s = vec4<f32>(0.0);
    if (BIASES > 0u) {
        let m = at.bias1 + at.bias1_m;
        s += vec4<f32>(bias1[m.x], bias1[m.y], bias1[m.z], bias1[m.w]);
    }
    if (BIASES > 1u) {
        let m = at.bias2 + at.bias2_m;
        s += vec4<f32>(bias2[m.x], bias2[m.y], bias2[m.z], bias2[m.w]);
    }
    if (REL) {
        let x = at.rel_w + at.across;
        s += vec4<f32>(rel_w[x.x], rel_w[x.y], rel_w[x.z], rel_w[x.w]);
        if (REL_ROWS) {
            s += vec4<f32>(rel_h[at.rel_h]);
        } else {
            let z = at.rel_h + at.down;
            s += vec4<f32>(rel_h[z.x], rel_h[z.y], rel_h[z.z], rel_h[z.w]);
        }
    }
    var none = LOWEST;
    if (BIASES > 0u) {
        none *= 1.0 + f32(sizes.n); // -inf, as a mask
    }
    return select(s, vec4<f32>(none), at.m >= vec4<u32>(keys_of(n)));
}

// weights returns exp(s - largest), or 0 for scores of -inf, as in lib/scores.
fn weights(s: vec4<f32>, largest: f32) -> vec4<f32> {
    let p = exp(s - vec4<f32>(largest));
    if (BIASES > 0u) {
        return select(p, vec4<f32>(0.0), s < vec4<f32>(LOWEST));
    }
    return p;
}

// finish returns the factor of the sums of query n.
fn finish(n: u32, tx: u32, largest: f32, total: f32) -> f32 {
    if (SPLIT > 0u) {
        if (n < sizes.n && tx == 0u) {
            y[y_at + n * sizes.h * WIDTH + DV4] = vec4<f32>(largest, total, 0.0, 0.0);
        }
        return 1.0;
    }
    return 1.0 / total;
}

fn store(n: u32, column: u32, sum: vec4<f32>) {
    if (n < sizes.n && column < DV4) {
        y[y_at + n * sizes.h * WIDTH + column] = sum;
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    b = group.z % sizes.b;
    h = group.y;
    y_at = (group.z * sizes.n * sizes.h + h) * WIDTH;
    let n = group.x * BQ;
    var begin = 0u;
    var end = keys_of(n + BQ - 1u); // of the last query
    if (SPLIT > 0u) {
        begin = group.z / sizes.b * sizes.keys;
        end = min(end, begin + sizes.keys);
    }
    attend(local.x, n, begin, end);
}
