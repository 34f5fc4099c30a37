// flash: a workgroup computes BQ queries of one head in one pass over the keys (Dao et al.,
// arXiv:2205.14135).
//
//     for each tile of BK keys:
//         s = start + Q K^T
//         largest, p = max(largest, s), exp(s - largest)
//         sums, total = shrink * sums + P V, shrink * total + sum(p)
//
// where shrink is exp(largest before - largest). Both products are of register tiles: an
// invocation computes REG_Q queries by four keys of s, and REG_Q queries by COLS vec4s of
// sums. Slices of Q and K, SLICE vec4s wide, and later P, pass through `tile`; slices of V,
// of TY keys, pass through `values`. The next slice is on its way from memory while one is
// multiplied. Between the products, an invocation keeps the largest score and the total of
// one query.
//
// The kernel says where rows begin (query_row, key_row, value_row), what they hold (query,
// key, value) and times what (query_factor, key_factor), with what scores start, their
// weights, and what becomes of the result (finish, store).
// Bodies of inner loops have constant bounds, so that arrays become registers. Outer
// loops have variable ones, so that they stay loops, and test at their end, so that what
// does not change is computed before them.

// Choice: vec4s of a head, queries of an invocation.
const D4 = 16u;
const DV4 = 16u;
const REG_Q = 7u;

// Derived.
const WG = 64u;
const TX = 8u;
const TY = WG / TX;
const BQ = TY * REG_Q;
const BK = 4u * TX;
const SLICE = 2u;
const COLS = (DV4 + TX - 1u) / TX;
const LOADED = WG / SLICE; // rows of a slice that the invocations load at once
const Q_LOADS = (BQ + LOADED - 1u) / LOADED;
const ROWS = Q_LOADS * LOADED / TY;

// Row 8*i+j of tile is [i][j]. It has SLICE columns of this query, and SLICE columns of key
// 4*j+i; or the columns of this row of P, and a factor. Its odd length keeps rows in
// different banks. Only indices that are not constant are checked, and these are few.
var<workgroup> tile: array<array<array<vec4<f32>, TX + 1u>, TY>, ROWS>;
var<workgroup> values: array<array<array<vec4<f32>, TX>, COLS>, TY>;

fn plus_product(sum: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(a.w), b[3], fma(vec4<f32>(a.z), b[2], fma(vec4<f32>(a.y), b[1], fma(vec4<f32>(a.x), b[0], sum))));
}

// attend computes the queries from n on, over the keys from begin on and before end. t is
// the number of the invocation.
fn attend(t: u32, n: u32, begin: u32, end: u32) {
    let tx = t % TX;
    let ty = t / TX;
    let column = t % SLICE;
    let row = t / SLICE;
    var sums: array<array<vec4<f32>, COLS>, REG_Q>;
    var largest = LOWEST;
    var total = 0.0;
    var q_at: array<u32, Q_LOADS>;
    var q_factor: array<f32, Q_LOADS>;
    var q_next: array<vec4<f32>, Q_LOADS>;
    var v_next: array<vec4<f32>, COLS>;
    for (var i = 0u; i < Q_LOADS; i += 1u) {
        q_at[i] = query_row(n + row + i * LOADED);
        q_factor[i] = query_factor(q_at[i]);
        q_next[i] = query(q_at[i], column);
    }
    var k_at = key_row(begin + row);
    var k_factor = key_factor(k_at);
    var k_next = key(k_at, column);
    let slices = (sizes.d + SLICE - 1u) / SLICE;
    var first = begin;
    loop {
        var s: array<vec4<f32>, REG_Q>;
        var at = start_at(n + ty, first + 4u * tx);
        for (var i = 0u; i < REG_Q; i += 1u) {
            s[i] = start(at, n + ty + i * TY, i);
            at = start_below(at);
        }
        let k_after = key_row(first + BK + row);
        var slice = 0u;
        loop {
            workgroupBarrier();
            for (var i = 0u; i < Q_LOADS; i += 1u) {
                let to = row + i * LOADED;
                tile[to / TY][to % TY][column] = q_next[i] * q_factor[i];
            }
            tile[row % 4u][row / 4u][SLICE + column] = k_next * k_factor;
            workgroupBarrier();
            slice += 1u;
            var c = slice * SLICE + column;
            if (slice >= slices) { // the first slice of the next tile
                c = column;
                k_at = k_after;
            }
            for (var i = 0u; i < Q_LOADS; i += 1u) {
                q_next[i] = query(q_at[i], c);
            }
            k_next = key(k_at, c);
            for (var d = 0u; d < SLICE; d += 1u) {
                let e = SLICE + d;
                let k = transpose(mat4x4<f32>(tile[0][tx][e], tile[1][tx][e], tile[2][tx][e], tile[3][tx][e]));
                for (var i = 0u; i < REG_Q; i += 1u) {
                    s[i] = plus_product(s[i], tile[i][ty][d], k);
                }
            }
            if (slice >= slices) {
                break;
            }
        }
        k_factor = key_factor(k_after);
        var v_at = value_row(first + ty);
        for (var c = 0u; c < COLS; c += 1u) {
            v_next[c] = value(v_at, tx, c * TX);
        }
        workgroupBarrier();
        for (var i = 0u; i < REG_Q; i += 1u) {
            tile[i][ty][tx] = s[i];
        }
        workgroupBarrier();
        if (t < BQ) {
            var p: array<vec4<f32>, TX>;
            let before = largest;
            for (var i = 0u; i < TX; i += 1u) {
                p[i] = tile[t / TY][t % TY][i];
                largest = max(largest, max(max(p[i].x, p[i].y), max(p[i].z, p[i].w)));
            }
            let shrink = exp(before - largest);
            total *= shrink;
            for (var i = 0u; i < TX; i += 1u) {
                let e = weights(p[i], largest);
                tile[t / TY][t % TY][i] = e;
                total += (e.x + e.y) + (e.z + e.w);
            }
            tile[t / TY][t % TY][TX].x = shrink;
        }
        workgroupBarrier();
        for (var i = 0u; i < REG_Q; i += 1u) {
            let shrink = tile[i][ty][TX].x;
            for (var c = 0u; c < COLS; c += 1u) {
                sums[i][c] *= shrink;
            }
        }
        let v_slices = (min(BK, end - first) + TY - 1u) / TY;
        slice = 0u;
        loop {
            workgroupBarrier();
            for (var c = 0u; c < COLS; c += 1u) {
                values[ty][c][tx] = v_next[c];
            }
            workgroupBarrier();
            v_at = value_row(first + (slice + 1u) * TY + ty);
            for (var c = 0u; c < COLS; c += 1u) {
                v_next[c] = value(v_at, tx, c * TX);
            }
            for (var k4 = 0u; k4 < TY / 4u; k4 += 1u) {
                var p: array<vec4<f32>, REG_Q>;
                for (var i = 0u; i < REG_Q; i += 1u) {
                    p[i] = tile[i][ty][slice * (TY / 4u) + k4];
                }
                for (var c = 0u; c < COLS; c += 1u) {
                    for (var j = 0u; j < 4u; j += 1u) {
                        let v = values[4u * k4 + j][c][tx];
                        for (var i = 0u; i < REG_Q; i += 1u) {
                            sums[i][c] = fma(vec4<f32>(p[i][j]), v, sums[i][c]);
                        }
                    }
                }
            }
            slice += 1u;
            if (slice >= v_slices) {
                break;
            }
        }
        first += BK;
        if (first >= end) {
            break;
        }
    }
    workgroupBarrier();
    if (t < BQ) {
        tile[t / TY][t % TY][TX].x = finish(n + t, largest, total);
    }
    workgroupBarrier();
    for (var i = 0u; i < REG_Q; i += 1u) {
        let factor = tile[i][ty][TX].x;
        for (var c = 0u; c < COLS; c += 1u) {
            store(n + ty + i * TY, tx + c * TX, sums[i][c] * factor);
        }
    }
}
