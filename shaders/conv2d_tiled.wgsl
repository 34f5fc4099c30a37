// conv2d_tiled: y[b,i,j,o] = act(sum_{u,v,c} x[b, i*sh-ph+u*dh, j*sw-pw+v*dw, g*cg+c] * w[o,u,v,c] + bias[o] + residual[b,i,j,o])
//
//     binding 0  x         [B, H, W, C]                  read
//     binding 1  w         [O, RUNS, ceil(RUN/4)] of vec4  read
//     binding 2  bias      [O]                           read (HAS_BIAS)
//     binding 3  residual  [B, OH, OW, O]                read (HAS_RESIDUAL)
//     binding 4  y         [B, OH, OW, O]                write, read (ONTO)
//     binding 5  sizes
//
// The convolution is a matrix product. Its rows m are the positions (b, i, j), its
// columns n are the channels of a group, and k counts what a window has. That is in runs:
// of numbers that follow one another in x. A run is a row of the window or, with groups or
// dilation, the channels of one tap. w is packed, each run as fours with zeros at its end.
// A workgroup computes a TILE_M x TILE_N tile of one group through workgroup memory
// (lib/tiled).
// With SPLIT there is one group, and y holds partial sums [SPLITS, M, O], each over
// k_slice fours of k. split_sum adds them up.
// Grid: (ceil(OG/TILE_N), ceil(B*OH*OW/TILE_M), G, or SPLITS).

//wgsl:import epilogue
//wgsl:import taps
//wgsl:import tiled

// Choice: with APART no read is before the first number of x, for compilers that join four
// reads and check where the first one is.
const SPLIT = false;
const APART = false;
// Derived: how many origins an invocation finds, and elements of x in a four.
const FINDS = (TILE_M + WG - 1u) / WG;
const FOUR = 4u;

// cg4 are the fours of a run, kw the runs in a row of the window.
struct Sizes {
    m: u32, n: u32, k4: u32, k_slice: u32,
    h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, cg: u32, cg4: u32, run: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// The first row and column of the tile, the first channels of its group in x and in y,
// and where its sums begin in y.
var<private> first_m: u32;
var<private> first_n: u32;
var<private> first_c: u32;
var<private> first_o: u32;
var<private> y_at: u32;

// Where the window of each row of a tile begins: the place in x, the row of pixels in its own
// image, and the number within that row. Negative ones wrap round. With WHOLE the last two
// are instead bits for the rows of the window that are in the image, and for the numbers of
// a run that are in the row of pixels.
var<workgroup> origins: array<vec3<u32>, TILE_M>;

// The origins of the rows that an invocation loads.
var<private> origin0: vec3<u32>;
var<private> origin1: vec3<u32>;
var<private> origin2: vec3<u32>;
var<private> origin3: vec3<u32>;

// bits returns those from first on and before end, of 32.
fn bits(first: i32, end: i32) -> u32 {
    let above = 0xffffffffu << u32(clamp(first, 0, 31));
    let below = 0xffffffffu >> u32(clamp(32 - end, 0, 31));
    return select(0u, above & below, end > max(first, 0) && first < 32);
}

fn find_origins(t: u32) {
    for (var turn = 0u; turn < FINDS; turn += 1u) {
        let row = turn * WG + t;
        let m = first_m + row;
        let b = m / (sizes.ow * sizes.oh);
        let i = m / sizes.ow % sizes.oh * sizes.stride_h - sizes.pad_h;
        let j = m % sizes.ow * sizes.stride_w - sizes.pad_w;
        let within = j * sizes.c + first_c;
        let at = (b * sizes.h + i) * sizes.w * sizes.c + within;
        var rows = 0u;
        for (var u = 0u; u < sizes.kh; u += 1u) {
            rows |= select(0u, 1u << u, i + u * sizes.dilation_h < sizes.h);
        }
        let end = min(i32(sizes.run), i32(sizes.w * sizes.c - within));
        if (row < TILE_M) {
            if (WHOLE) {
                origins[row] = vec3<u32>(at, rows, bits(-i32(within), end));
            } else {
                origins[row] = vec3<u32>(at, i, within);
            }
        }
    }
    workgroupBarrier();
}

fn origin(turn: u32) -> vec3<u32> {
    if (turn == 0u) { return origin0; }
    if (turn == 1u) { return origin1; }
    if (turn == 2u) { return origin2; }
    return origin3;
}

fn pixel() -> u32 { return sizes.c; }

fn seek_k(k4: u32, lane: u32) { seek_tap(k4 + lane); }

fn seek_a(row: u32, lane: u32) {
    origin0 = origins[row];
    if (EACH_A > 1u) { origin1 = origins[row + LANES]; }
    if (EACH_A > 2u) { origin2 = origins[row + 2u * LANES]; }
    if (EACH_A > 3u) { origin3 = origins[row + 3u * LANES]; }
}

fn load_a(turn: u32, k4: u32) -> vec4<f32> {
    let at = origin(turn).x + away;
    if (APART) {
        let places = vec4<u32>(max(vec4<i32>(i32(at)) + vec4<i32>(0, 1, 2, 3), vec4<i32>(0)));
        return vec4<f32>(x[places.x], x[places.y], x[places.z], x[places.w]);
    }
    return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
}

// keep_a keeps what is in the run, in the row of pixels, and in the image.
fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32> {
    if (WHOLE) {
        let row = extractBits(bitcast<i32>(origin(turn).y), down, 1u);
        let inside = bitcast<i32>((origin(turn).z & bitcast<u32>(row)) >> (4u * c4));
        let keep = vec4<i32>(extractBits(inside, 0u, 1u), extractBits(inside, 1u, 1u), extractBits(inside, 2u, 1u), extractBits(inside, 3u, 1u));
        return bitcast<vec4<f32>>(bitcast<vec4<i32>>(a) & keep);
    }
    let places = vec4<u32>(0u, 1u, 2u, 3u);
    let first = origin(turn).z + across * sizes.dilation_w * sizes.c + 4u * c4;
    let end = select(0u, sizes.w * sizes.c, origin(turn).y + down * sizes.dilation_h < sizes.h);
    let inside = vec4<u32>(first) + places < vec4<u32>(end);
    return select(vec4<f32>(0.0), a, inside & (places + vec4<u32>(4u * c4) < vec4<u32>(sizes.run)));
}

fn seek_bt(column: u32) -> u32 { return (first_o + first_n + column) * sizes.k4; }
fn seek_b(column4: u32, k: u32) -> u32 { return 0u; }
fn next_b() -> u32 { return sizes.k4; }
fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32> { return w[at + k4 + by]; }

fn store1(m: u32, n: u32, sum: f32) {
    if (n >= sizes.n) {
        return;
    }
    let o = first_o + n;
    let at = y_at + m * sizes.o + o;
    finish(at, o, sum);
}

fn store(row: u32, column4: u32, sum: vec4<f32>) {
    let m = first_m + row;
    let n = first_n + 4u * column4;
    if (m < sizes.m) {
        store1(m, n, sum.x);
        store1(m, n + 1u, sum.y);
        store1(m, n + 2u, sum.z);
        store1(m, n + 3u, sum.w);
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3<u32>) {
    first_m = group.y * TILE_M;
    first_n = group.x * TILE_N;
    if (SPLIT) {
        y_at = group.z * sizes.m * sizes.o;
        find_origins(t);
        let begin = group.z * sizes.k_slice;
        tiled_product(t, begin, min(begin + sizes.k_slice, sizes.k4));
    } else {
        first_c = group.z * sizes.cg;
        first_o = group.z * sizes.n;
        find_origins(t);
        tiled_product(t, 0u, sizes.k4);
    }
}
