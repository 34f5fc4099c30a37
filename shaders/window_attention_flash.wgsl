// window_attention_flash: y[i,h] = sum_j p[j] * v[j,h] over the tokens j in the window of token i,
//     p = softmax_j(scale * q[i,h].k[j,h] + bias[h,i,j] + mask[i,j])
//
//     binding 0  qkv      [B, H, W, 3*HEADS*D] of vec4  read
//     binding 1  bias     [HEADS, T, T]                 read
//     binding 2  padding  [3*HEADS*D] of vec4           read (PADDED)
//     binding 3  scales   [HEADS]                       read (COSINE)
//     binding 4  y        [B, H, W, HEADS*D] of vec4    write
//     binding 5  sizes, where d counts vec4s
//
// window_attention_naive defines windows, padding and mask. This kernel is for GPUs. A
// workgroup computes BQ queries of one head of one window. PADDED says that windows reach into
// the padding, and SHIFTED that some are in parts.
// Grid: (ceil(T/BQ), HEADS, B*windows).

//wgsl:import swin
//wgsl:import flash

// Choice.
const COSINE = false;
const PADDED = true;
const SHIFTED = true;

// LOWEST is the largest score of no keys. No finite score is lower.
const LOWEST = -3.4028234e38;

@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> padding: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

var<private> b: u32;
var<private> h: u32;
var<private> window: vec2<u32>;
var<private> parts: vec2<u32>; // where the parts of the window meet
var<private> regions: u32; // those of an invocation's queries, two bits each

// OUTSIDE marks a row in the padding.
const OUTSIDE = 2147483648u;

// cell returns the row and the column of token t in its window. Floats are right for t
// below 2^20, and faster than whole numbers.
fn cell(t: u32) -> vec2<u32> {
    let row = u32((f32(t) + 0.5) / f32(sizes.window_w));
    return vec2<u32>(row, t - row * sizes.window_w);
}

// region_of returns the number of the part of the window in which token t is.
fn region_of(t: u32) -> u32 {
    let past = select(vec2<u32>(0u), vec2<u32>(1u, 2u), cell(t) >= parts);
    return past.x + past.y;
}

// place_of returns the number of token t in the map, or OUTSIDE.
fn place_of(t: u32) -> u32 {
    let extent = vec2<u32>(sizes.window_h, sizes.window_w);
    let all = vec2<u32>(sizes.count_h, sizes.count_w) * extent;
    let to = window * extent + cell(min(t, sizes.window_h * sizes.window_w - 1u)) + vec2<u32>(sizes.shift_h, sizes.shift_w);
    let at = select(to, to - all, to >= all);
    return select((b * sizes.h + at.x) * sizes.w + at.y, OUTSIDE, at.x >= sizes.h || at.y >= sizes.w);
}

// row_of returns where channel c4 of token t begins, in vec4s. In the padding OUTSIDE is added.
fn row_of(t: u32, c4: u32) -> u32 {
    let at = place_of(t);
    if (PADDED) {
        return select(at * 3u * sizes.heads * D4, OUTSIDE, at == OUTSIDE) + c4;
    }
    return at * 3u * sizes.heads * D4 + c4;
}

fn query_row(n: u32) -> u32 { return row_of(n, h * D4); }
fn key_row(m: u32) -> u32 { return row_of(m, (sizes.heads + h) * D4); }
fn value_row(m: u32) -> u32 { return row_of(m, (2u * sizes.heads + h) * D4); }

fn element(at: u32, column: u32) -> vec4<f32> {
    if (PADDED) {
        let outside = at >= OUTSIDE;
        let c = at % OUTSIDE + column;
        return select(qkv[c], padding[select(0u, c, outside)], outside);
    }
    return qkv[at + column];
}

fn query(at: u32, column: u32) -> vec4<f32> {
    if (D4 % SLICE == 0u) {
        return element(at, column);
    }
    return select(vec4<f32>(0.0), element(at, min(column, D4 - 1u)), column < D4);
}

fn key(at: u32, column: u32) -> vec4<f32> {
    if (D4 % SLICE == 0u) {
        return element(at, column);
    }
    return element(at, min(column, D4 - 1u));
}

fn value(at: u32, tx: u32, column: u32) -> vec4<f32> {
    if (D4 % TX == 0u) {
        return element(at, tx + column);
    }
    return element(at, min(tx + column, D4 - 1u));
}

fn key_factor() -> f32 { return select(sizes.scale, 1.0, COSINE); }

fn cosine_factor() -> f32 {
    if (COSINE) {
        return scales[h];
    }
    return 1.0;
}

// Start says where the bias of a query and of four keys is, and their parts of the window.
struct Start { bias: u32, m: vec4<u32>, regions: vec4<u32> }

fn start_at(n: u32, m: u32) -> Start {
    let tokens = sizes.window_h * sizes.window_w;
    var at: Start;
    at.m = vec4<u32>(m, m + 1u, m + 2u, m + 3u);
    let some = min(at.m, vec4<u32>(tokens - 1u));
    at.bias = (h * tokens + n) * tokens + some.x;
    if (SHIFTED) {
        at.regions = vec4<u32>(region_of(some.x), region_of(some.y), region_of(some.z), region_of(some.w));
    }
    return at;
}

// start_below returns the place TY queries below.
fn start_below(before: Start) -> Start {
    var at = before;
    at.bias += TY * sizes.window_h * sizes.window_w;
    return at;
}

// start returns bias and mask of query i of an invocation. Queries and keys that do not exist
// read others'.
fn start(at: Start, n: u32, i: u32) -> vec4<f32> {
    var s = vec4<f32>(bias[at.bias], bias[at.bias + 1u], bias[at.bias + 2u], bias[at.bias + 3u]);
    if (SHIFTED) {
        let here = (regions >> (2u * i)) & 3u;
        s -= select(vec4<f32>(0.0), vec4<f32>(100.0), at.regions != vec4<u32>(here));
    }
    return select(s, vec4<f32>(LOWEST), at.m >= vec4<u32>(sizes.window_h * sizes.window_w));
}

fn weights(s: vec4<f32>, largest: f32) -> vec4<f32> { return exp(s - vec4<f32>(largest)); }

fn finish(n: u32, tx: u32, largest: f32, total: f32) -> f32 { return 1.0 / total; }

fn store(n: u32, column: u32, sum: vec4<f32>) {
    let at = place_of(n);
    if (n < sizes.window_h * sizes.window_w && at != OUTSIDE && column < D4) {
        y[(at * sizes.heads + h) * D4 + column] = sum;
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    h = group.y;
    b = group.z / (sizes.count_h * sizes.count_w);
    window = vec2<u32>(group.z / sizes.count_w % sizes.count_h, group.z % sizes.count_w);
    let n = group.x * BQ;
    if (SHIFTED) {
        parts = edge(window);
        for (var i = 0u; i < REG_Q; i += 1u) {
            regions |= region_of(n + local.x / TX + i * TY) << (2u * i);
        }
    }
    attend(local.x, n, 0u, sizes.window_h * sizes.window_w);
}
