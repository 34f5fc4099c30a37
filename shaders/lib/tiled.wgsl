// tiled_product computes a TILE_M x TILE_N tile of a matrix product a*b with the WG
// invocations of a workgroup. It walks over K from k4_begin to k4_end, in fours, by steps
// of TILE_K. A step copies parts of a and b from registers to workgroup memory, loads the
// next parts, and multiplies meanwhile. Invocation t keeps a REG_M x REG_N patch of the
// tile in registers. Its rows lie WG_Y apart and its fours of columns WG_X apart.
//
// The kernel that imports it defines these functions. Rows and columns are numbered within
// the tile, and a lane is a k4 within a step. seek_k names the first k4 of the next loads of
// a, and step_k moves it on by a step. seek_a names the first row that an invocation loads.
// Turn by turn it loads the one LANES farther on, and keep_a makes zeros of what a row does
// not have, when loads are over. seek_bt returns where a column of b begins with TRANS_B,
// and next_b how much farther on the next one does. Else seek_b and next_b do so for rows
// of b at four columns. A load is from `at` and, uniformly, `by`. Loads may be outside the
// matrices. WebGPU then lets them return anything: products beyond K are not added, and no
// store takes rows and columns beyond M and N.
//
//     fn seek_k(k4: u32, lane: u32)
//     fn step_k()
//     fn seek_a(row: u32, lane: u32)
//     fn load_a(turn: u32, k4: u32) -> vec4<f32>            a[row, 4*k4 ...]
//     fn keep_a(turn: u32, a: vec4<f32>) -> vec4<f32>
//     fn seek_bt(column: u32) -> u32
//     fn seek_b(column4: u32, k: u32) -> u32
//     fn next_b() -> u32
//     fn load_b(at: u32, by: u32, k4: u32) -> vec4<f32>     b[4*k4 ..., column] or b[4*k4 + k, 4*column4 ...]
//     fn store(row: u32, column4: u32, sum: vec4<f32>)

// Choice: REG_M is 4, 7 or 8, REG_N is 4 or 8, and TILE_K is a multiple of 4. An
// invocation copies up to four rows of a, at four k's, and one, two or four pairs of
// columns of b. WG_X and WG_Y divide LANES.
const TILE_M = 64u;
const TILE_N = 64u;
const TILE_K = 16u;
const REG_M = 4u;
const REG_N = 8u;
const TRANS_B = false;
// Derived.
const WG_X = TILE_N / REG_N;
const WG_Y = TILE_M / REG_M;
const WG = WG_X * WG_Y;
const TILE_K4 = TILE_K / 4u;
const TILE_N4 = TILE_N / 4u;
const LANES = WG / TILE_K4;
const EACH_A = (TILE_M + LANES - 1u) / LANES;
const EACH_B = TILE_N / 2u / LANES;
const PLACES_B = REG_N / 2u;
const TURNS_A = LANES / WG_Y;
const TURNS_B = LANES / WG_X;
// Rows 4 to 7 of a patch, and its pairs 2 and 3 of columns, or any if there are less.
const ROW4 = 4u % REG_M;
const ROW5 = 5u % REG_M;
const ROW6 = 6u % REG_M;
const ROW7 = 7u % REG_M;
const TURN_A1 = 1u % EACH_A;
const TURN_A2 = 2u % EACH_A;
const TURN_A3 = 3u % EACH_A;
const TURN_B1 = 1u % EACH_B;
const TURN_B2 = 2u % EACH_B;
const TURN_B3 = 3u % EACH_B;
const PAIR2 = 2u % PLACES_B;
const PAIR3 = 3u % PLACES_B;

// Two k's of a and of b, in the order in which they are copied, LANES at once. Place r of
// a patch is at [r / TURNS][r % TURNS]. A pair of b is (c, k), (c, k+1), (c+1, k),
// (c+1, k+1), the first or the second one of four columns. Compilers add places and k's,
// which are constant, to addresses. The spare vec4 puts different k's into different banks.
struct RowsA { rows: array<array<array<vec2<f32>, WG_Y>, TURNS_A>, EACH_A>, spare: vec4<f32> }
struct PairsB { pairs: array<array<array<vec4<f32>, WG_X>, TURNS_B>, EACH_B>, spare: vec4<f32> }
var<workgroup> a_tile: array<array<RowsA, 2>, TILE_K4>;
var<workgroup> b_tile: array<array<PairsB, 2>, TILE_K4>;

// What is copied next, and where b was loaded from first.
var<private> a0: vec4<f32>;
var<private> a1: vec4<f32>;
var<private> a2: vec4<f32>;
var<private> a3: vec4<f32>;
var<private> b0: mat2x4<f32>;
var<private> b1: mat2x4<f32>;
var<private> b2: mat2x4<f32>;
var<private> b3: mat2x4<f32>;
var<private> at_b: u32;

// The patch: c<row><four of columns>.
var<private> c00: vec4<f32>;
var<private> c10: vec4<f32>;
var<private> c20: vec4<f32>;
var<private> c30: vec4<f32>;
var<private> c40: vec4<f32>;
var<private> c50: vec4<f32>;
var<private> c60: vec4<f32>;
var<private> c70: vec4<f32>;
var<private> c01: vec4<f32>;
var<private> c11: vec4<f32>;
var<private> c21: vec4<f32>;
var<private> c31: vec4<f32>;
var<private> c41: vec4<f32>;
var<private> c51: vec4<f32>;
var<private> c61: vec4<f32>;
var<private> c71: vec4<f32>;

// seek_pair returns where a pair of b begins. Without TRANS_B it is two k's at four
// columns instead.
fn seek_pair(pair: u32) -> u32 {
    let place = pair / WG_X;
    let column4 = place / 2u * WG_X + pair % WG_X;
    if (TRANS_B) {
        return seek_bt(4u * column4 + place % 2u * 2u);
    }
    return seek_b(column4, place % 2u * 2u);
}

// load_next loads what an invocation copies of the step that has its k4.
fn load_next(k4: u32) {
    a0 = load_a(0u, k4);
    if (EACH_A > 1u) { a1 = load_a(1u, k4); }
    if (EACH_A > 2u) { a2 = load_a(2u, k4); }
    if (EACH_A > 3u) { a3 = load_a(3u, k4); }
    b0 = load_pair(0u, k4);
    if (EACH_B > 1u) { b1 = load_pair(LANES, k4); }
    if (EACH_B > 2u) { b2 = load_pair(2u * LANES, k4); }
    if (EACH_B > 3u) { b3 = load_pair(3u * LANES, k4); }
}

// load_pair loads the pair of b that is `pairs` behind the first one.
fn load_pair(pairs: u32, k4: u32) -> mat2x4<f32> {
    let by = seek_pair(pairs) - seek_pair(0u);
    return mat2x4<f32>(load_b(at_b, by, k4), load_b(at_b, by + next_b(), k4));
}

// kept returns v, or zeros unless keep is set.
fn kept(keep: bool, v: vec4<f32>) -> vec4<f32> { return select(vec4<f32>(0.0), v, vec4<bool>(keep)); }
fn kept_pair(keep: bool, b: mat2x4<f32>) -> mat2x4<f32> { return mat2x4<f32>(kept(keep, b[0]), kept(keep, b[1])); }

fn keep_next(keep: bool) {
    a0 = kept(keep, a0);
    if (EACH_A > 1u) { a1 = kept(keep, a1); }
    if (EACH_A > 2u) { a2 = kept(keep, a2); }
    if (EACH_A > 3u) { a3 = kept(keep, a3); }
    b0 = kept_pair(keep, b0);
    if (EACH_B > 1u) { b1 = kept_pair(keep, b1); }
    if (EACH_B > 2u) { b2 = kept_pair(keep, b2); }
    if (EACH_B > 3u) { b3 = kept_pair(keep, b3); }
}

// copy_next copies what an invocation loaded.
fn copy_next(t: u32) {
    let k4 = t % TILE_K4;
    let i = t / TILE_K4;
    copy_a(k4, 0u, i, keep_a(0u, a0));
    if (EACH_A > 1u) { copy_a(k4, TURN_A1, i, keep_a(1u, a1)); }
    if (EACH_A > 2u) { copy_a(k4, TURN_A2, i, keep_a(2u, a2)); }
    if (EACH_A > 3u) { copy_a(k4, TURN_A3, i, keep_a(3u, a3)); }
    copy_b(k4, 0u, i, b0);
    if (EACH_B > 1u) { copy_b(k4, TURN_B1, i, b1); }
    if (EACH_B > 2u) { copy_b(k4, TURN_B2, i, b2); }
    if (EACH_B > 3u) { copy_b(k4, TURN_B3, i, b3); }
}

fn copy_a(k4: u32, turn: u32, i: u32, a: vec4<f32>) {
    a_tile[k4][0].rows[turn][i / WG_Y][i % WG_Y] = a.xy;
    a_tile[k4][1].rows[turn][i / WG_Y][i % WG_Y] = a.zw;
}

fn copy_b(k4: u32, turn: u32, i: u32, b: mat2x4<f32>) {
    if (TRANS_B) {
        b_tile[k4][0].pairs[turn][i / WG_X][i % WG_X] = vec4<f32>(b[0].xy, b[1].xy);
        b_tile[k4][1].pairs[turn][i / WG_X][i % WG_X] = vec4<f32>(b[0].zw, b[1].zw);
    } else {
        let place = turn * TURNS_B + i / WG_X;
        let left = place / 2u * 2u;
        let right = left + 1u;
        b_tile[k4][place % 2u].pairs[left / TURNS_B][left % TURNS_B][i % WG_X] = vec4<f32>(b[0].x, b[1].x, b[0].y, b[1].y);
        b_tile[k4][place % 2u].pairs[right / TURNS_B][right % TURNS_B][i % WG_X] = vec4<f32>(b[0].z, b[1].z, b[0].w, b[1].w);
    }
}

// row_a and pair_b return a place of the patch.
fn row_a(k4: u32, half: u32, place: u32, ty: u32) -> vec2<f32> { return a_tile[k4][half].rows[place / TURNS_A][place % TURNS_A][ty]; }
fn pair_b(k4: u32, half: u32, place: u32, tx: u32) -> vec4<f32> { return b_tile[k4][half].pairs[place / TURNS_B][place % TURNS_B][tx]; }

// four_columns returns two k's of b as rows.
fn four_columns(left: vec4<f32>, right: vec4<f32>) -> mat2x4<f32> {
    return mat2x4<f32>(vec4<f32>(left.xz, right.xz), vec4<f32>(left.yw, right.yw));
}

fn plus_product(sum: vec4<f32>, a: vec2<f32>, b: mat2x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(a.y), b[1], fma(vec4<f32>(a.x), b[0], sum));
}

// multiply adds the products of two k's to the patch.
fn multiply(k4: u32, half: u32, tx: u32, ty: u32) {
    let p = four_columns(pair_b(k4, half, 0u, tx), pair_b(k4, half, 1u, tx));
    var q = p;
    if (REG_N == 8u) {
        q = four_columns(pair_b(k4, half, PAIR2, tx), pair_b(k4, half, PAIR3, tx));
    }
    let r0 = row_a(k4, half, 0u, ty);
    c00 = plus_product(c00, r0, p);
    if (REG_N == 8u) { c01 = plus_product(c01, r0, q); }
    let r1 = row_a(k4, half, 1u, ty);
    c10 = plus_product(c10, r1, p);
    if (REG_N == 8u) { c11 = plus_product(c11, r1, q); }
    let r2 = row_a(k4, half, 2u, ty);
    c20 = plus_product(c20, r2, p);
    if (REG_N == 8u) { c21 = plus_product(c21, r2, q); }
    let r3 = row_a(k4, half, 3u, ty);
    c30 = plus_product(c30, r3, p);
    if (REG_N == 8u) { c31 = plus_product(c31, r3, q); }
    if (REG_M >= 7u) {
        let r4 = row_a(k4, half, ROW4, ty);
        c40 = plus_product(c40, r4, p);
        if (REG_N == 8u) { c41 = plus_product(c41, r4, q); }
        let r5 = row_a(k4, half, ROW5, ty);
        c50 = plus_product(c50, r5, p);
        if (REG_N == 8u) { c51 = plus_product(c51, r5, q); }
        let r6 = row_a(k4, half, ROW6, ty);
        c60 = plus_product(c60, r6, p);
        if (REG_N == 8u) { c61 = plus_product(c61, r6, q); }
    }
    if (REG_M == 8u) {
        let r7 = row_a(k4, half, ROW7, ty);
        c70 = plus_product(c70, r7, p);
        if (REG_N == 8u) { c71 = plus_product(c71, r7, q); }
    }
}

// multiply_four adds those of four k's, if the step has them.
fn multiply_four(k4: u32, tx: u32, ty: u32) {
    if (k4 < TILE_K4) {
        multiply(k4, 0u, tx, ty);
        multiply(k4, 1u, tx, ty);
    }
}

fn tiled_product(t: u32, k4_begin: u32, k4_end: u32) {
    // These limits are those of WebGPU's checks of indices, which then need none in the loop.
    let tx = min(t % WG_X, WG_X - 1u);
    let ty = min(t / WG_X, WG_Y - 1u);
    let lane = t % TILE_K4;
    seek_a(t / TILE_K4, lane);
    at_b = seek_pair(t / TILE_K4);
    // The first step may be short, the others are whole.
    let short = (k4_end - k4_begin - 1u) % TILE_K4 + 1u;
    seek_k(k4_begin, lane);
    load_next(k4_begin + lane);
    keep_next(lane < short);
    copy_next(t);
    seek_k(k4_begin + short, lane);
    for (var next = k4_begin + short; next <= k4_end; next += TILE_K4) {
        workgroupBarrier();
        // The next parts are under way while these are multiplied. The last step loads its
        // own once more, and there is no loop over k4: compilers would move the loads
        // behind it, or out of a branch.
        load_next(min(next, k4_end - TILE_K4) + lane);
        multiply_four(0u, tx, ty);
        multiply_four(1u, tx, ty);
        multiply_four(2u, tx, ty);
        multiply_four(3u, tx, ty);
        multiply_four(4u, tx, ty);
        multiply_four(5u, tx, ty);
        multiply_four(6u, tx, ty);
        multiply_four(7u, tx, ty);
        workgroupBarrier();
        copy_next(t);
        step_k();
    }
    store(ty, tx, c00);
    store(ty + WG_Y, tx, c10);
    store(ty + 2u * WG_Y, tx, c20);
    store(ty + 3u * WG_Y, tx, c30);
    if (REG_M >= 7u) {
        store(ty + 4u * WG_Y, tx, c40);
        store(ty + 5u * WG_Y, tx, c50);
        store(ty + 6u * WG_Y, tx, c60);
    }
    if (REG_M == 8u) {
        store(ty + 7u * WG_Y, tx, c70);
    }
    if (REG_N == 8u) {
        store(ty, tx + WG_X, c01);
        store(ty + WG_Y, tx + WG_X, c11);
        store(ty + 2u * WG_Y, tx + WG_X, c21);
        store(ty + 3u * WG_Y, tx + WG_X, c31);
        if (REG_M >= 7u) {
            store(ty + 4u * WG_Y, tx + WG_X, c41);
            store(ty + 5u * WG_Y, tx + WG_X, c51);
            store(ty + 6u * WG_Y, tx + WG_X, c61);
        }
        if (REG_M == 8u) {
            store(ty + 7u * WG_Y, tx + WG_X, c71);
        }
    }
}
