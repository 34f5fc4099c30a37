// windows: what lib/tiled multiplies in conv2d_tiled_vec4 and conv2d_tiled_narrow. A row of
// a is the window of a pixel of y, with K = taps and their channels, and x has its
// channels in fours. The kernel declares x, w, sizes, first_m, and first_w, the first row
// of w that the tile has.

//wgsl:import taps

// Choice: with STEADY a step of K lies in one tap, since CG is a multiple of TILE_K.
const STEADY = false;
// Derived: how many origins an invocation finds, and elements of x in four channels.
const FINDS = (TILE_M + WG - 1u) / WG;
const FOUR = 1u;

// Where the window of each row of a tile begins in x, in fours. Negative places wrap round.
// Then the rows (bits 0 to 15) and columns (bits 16 to 31) of the window that are in the
// image.
var<workgroup> origins: array<vec2<u32>, TILE_M>;

// The origins of the rows that an invocation loads.
var<private> origin0: vec2<u32>;
var<private> origin1: vec2<u32>;
var<private> origin2: vec2<u32>;
var<private> origin3: vec2<u32>;

// find_origins computes the origins of the tile whose first row is first_m. Its group's
// channels of x begin at first_c4.
fn find_origins(t: u32, first_c4: u32) {
    for (var turn = 0u; turn < FINDS; turn += 1u) {
        let row = turn * WG + t;
        let m = first_m + row;
        let b = m / (sizes.ow * sizes.oh);
        let i = m / sizes.ow % sizes.oh * sizes.stride_h - sizes.pad_h;
        let j = m % sizes.ow * sizes.stride_w - sizes.pad_w;
        var inside = 0u;
        for (var u = 0u; u < sizes.side; u += 1u) {
            inside |= select(0u, 1u << u, i + u * sizes.dilation_h < sizes.h);
            inside |= select(0u, 0x10000u << u, j + u * sizes.dilation_w < sizes.w);
        }
        if (row < TILE_M) {
            origins[row] = vec2<u32>(((b * sizes.h + i) * sizes.w + j) * sizes.c4 + first_c4, inside);
        }
    }
    workgroupBarrier();
}

fn pixel() -> u32 { return sizes.c4; }

fn origin(turn: u32) -> vec2<u32> {
    if (turn == 0u) { return origin0; }
    if (turn == 1u) { return origin1; }
    if (turn == 2u) { return origin2; }
    return origin3;
}

fn seek_k(k4: u32, lane: u32) { seek_tap(select(k4 + lane, k4, STEADY)); }

fn seek_a(row: u32, lane: u32) {
    let first = vec2<u32>(select(0u, lane, STEADY), 0u);
    origin0 = origins[row] + first;
    if (EACH_A > 1u) { origin1 = origins[row + LANES] + first; }
    if (EACH_A > 2u) { origin2 = origins[row + 2u * LANES] + first; }
    if (EACH_A > 3u) { origin3 = origins[row + 3u * LANES] + first; }
}

fn load_a(turn: u32, k4: u32) -> vec4<f32> { return x[origin(turn).x + away]; }

fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32> {
    let tap = (1u << down) | (0x10000u << across);
    return select(vec4<f32>(0.0), a, vec4<bool>((origin(turn).y & tap) == tap));
}

fn seek_bt(column: u32) -> u32 { return (first_w + column) * sizes.k4; }
fn seek_b(column4: u32, k: u32) -> u32 { return 0u; }
fn next_b() -> u32 { return sizes.k4; }
fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32> { return w[at + k4 + by]; }
