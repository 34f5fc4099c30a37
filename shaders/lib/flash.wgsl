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
// of V_LOADS*TY keys, pass through `values`. The next slice is on its way from memory while
// one is multiplied. The TX invocations that share queries exchange their largest scores
// through `peaks`; each keeps the total of its own keys. With COSINE rows of Q and K are
// divided by their lengths: the sums of squares pass through `values`.
//
// The kernel says where rows begin (query_row, key_row, value_row), what they hold (query,
// key, value) and times what (key_factor, cosine_factor), with what scores start, their weights, and what
// becomes of the result (finish, store).
// Bodies of inner loops have constant bounds, so that arrays become registers. Outer
// loops have variable ones, so that they stay loops, and test at their end, so that what
// does not change is computed before them.

// Choice: vec4s of a head, queries of an invocation, vec4s of a slice of Q and K, which are 2
// or 4, and loads for a slice of V.
const D4 = 16u;
const DV4 = 16u;
const REG_Q = 5u;
const SLICE = 4u;
const V_LOADS = 1u;

// Derived.
const WG = 64u;
const TX = 8u;
const TY = WG / TX;
const BQ = TY * REG_Q;
const BK = 4u * TX;
const COLS = (DV4 + TX - 1u) / TX;
const LOADED = WG / SLICE; // rows of a slice that the invocations load at once
const Q_LOADS = (BQ + LOADED - 1u) / LOADED;
const K_LOADS = BK / LOADED;
const V_KEYS = V_LOADS * TY;
const ROWS = Q_LOADS * LOADED / TY;

// Row 8*i+j of tile is [i][j]. It has SLICE columns of this query, and SLICE columns of key
// 4*j+i; or the columns of this row of P. Its odd length keeps rows in different banks. Only
// indices that are not constant are checked, and these are few.
var<workgroup> tile: array<array<array<vec4<f32>, TX + 1u>, TY>, ROWS>;
var<workgroup> values: array<array<array<vec4<f32>, TX>, COLS>, V_KEYS>;
var<workgroup> peaks: array<array<array<f32, TX>, TY>, REG_Q>;

fn plus_product(sum: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(a.w), b[3], fma(vec4<f32>(a.z), b[2], fma(vec4<f32>(a.y), b[1], fma(vec4<f32>(a.x), b[0], sum))));
}

fn four_sum(v: vec4<f32>) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn four_max(v: vec4<f32>) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }

// inverse returns 1 / the length of a row whose sums of squares are in place r of values.
fn inverse(r: u32) -> f32 {
    let at = r / TX;
    let all = values[at % V_KEYS][at / V_KEYS][r % TX];
    var square = all.x + all.y;
    if (SLICE > 2u) {
        square += all.z + all.w;
    }
    return inverseSqrt(max(square, 1e-24));
}

fn note_square(r: u32, column: u32, square: f32) {
    let at = r / TX;
    values[at % V_KEYS][at / V_KEYS][r % TX][column] = square;
}

// attend computes the queries from n on, over the keys from begin on and before end. t is
// the number of the invocation.
fn attend(t: u32, n: u32, begin: u32, end: u32) {
    let tx = t % TX;
    let ty = t / TX;
    let column = t % SLICE;
    let row = t / SLICE;
    var sums: array<array<vec4<f32>, COLS>, REG_Q>;
    var largest: array<f32, REG_Q>;
    var total: array<f32, REG_Q>;
    for (var i = 0u; i < REG_Q; i += 1u) {
        largest[i] = LOWEST;
    }
    var q_at: array<u32, Q_LOADS>;
    var q_next: array<vec4<f32>, Q_LOADS>;
    var k_at: array<u32, K_LOADS>;
    var k_next: array<vec4<f32>, K_LOADS>;
    var v_next: array<array<vec4<f32>, COLS>, V_LOADS>;
    var q_square: array<f32, Q_LOADS>;
    var k_square: array<f32, K_LOADS>;
    for (var i = 0u; i < Q_LOADS; i += 1u) {
        q_at[i] = query_row(n + row + i * LOADED);
        q_next[i] = query(q_at[i], column);
    }
    for (var i = 0u; i < K_LOADS; i += 1u) {
        k_at[i] = key_row(begin + row + i * LOADED);
        k_next[i] = key(k_at[i], column);
    }
    let slices = (sizes.d + SLICE - 1u) / SLICE;
    var first = begin;
    loop {
        var s: array<vec4<f32>, REG_Q>;
        var at = start_at(n + ty, first + 4u * tx);
        for (var i = 0u; i < REG_Q; i += 1u) {
            if (COSINE) {
                s[i] = vec4<f32>(0.0);
            } else {
                s[i] = start(at, n + ty + i * TY, i);
                at = start_below(at);
            }
        }
        var k_after: array<u32, K_LOADS>;
        for (var i = 0u; i < K_LOADS; i += 1u) {
            k_after[i] = key_row(first + BK + row + i * LOADED);
        }
        for (var i = 0u; i < Q_LOADS; i += 1u) {
            q_square[i] = 0.0;
        }
        for (var i = 0u; i < K_LOADS; i += 1u) {
            k_square[i] = 0.0;
        }
        var slice = 0u;
        loop {
            workgroupBarrier();
            for (var i = 0u; i < Q_LOADS; i += 1u) {
                let to = row + i * LOADED;
                tile[to / TY][to % TY][column] = q_next[i];
                if (COSINE) {
                    q_square[i] += dot(q_next[i], q_next[i]);
                }
            }
            for (var i = 0u; i < K_LOADS; i += 1u) {
                let to = row + i * LOADED;
                tile[to % 4u][to / 4u][SLICE + column] = k_next[i] * key_factor();
                if (COSINE) {
                    k_square[i] += select(0.0, dot(k_next[i], k_next[i]), slice * SLICE + column < D4);
                }
            }
            workgroupBarrier();
            slice += 1u;
            var c = slice * SLICE + column;
            if (slice >= slices) { // the first slice of the next tile
                c = column;
                for (var i = 0u; i < K_LOADS; i += 1u) {
                    k_at[i] = k_after[i];
                }
            }
            for (var i = 0u; i < Q_LOADS; i += 1u) {
                q_next[i] = query(q_at[i], c);
            }
            for (var i = 0u; i < K_LOADS; i += 1u) {
                k_next[i] = key(k_at[i], c);
            }
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
        for (var l = 0u; l < V_LOADS; l += 1u) {
            let v_at = value_row(first + l * TY + ty);
            for (var c = 0u; c < COLS; c += 1u) {
                v_next[l][c] = value(v_at, tx, c * TX);
            }
        }
        if (COSINE) {
            for (var i = 0u; i < K_LOADS; i += 1u) {
                note_square(row + i * LOADED, column, k_square[i]);
            }
            for (var i = 0u; i < Q_LOADS; i += 1u) {
                note_square(BK + row + i * LOADED, column, q_square[i]);
            }
            workgroupBarrier();
            let k = 4u * tx;
            let lengths = cosine_factor() * vec4<f32>(inverse(k), inverse(k + 1u), inverse(k + 2u), inverse(k + 3u));
            for (var i = 0u; i < REG_Q; i += 1u) {
                s[i] = s[i] * (inverse(BK + i * TY + ty) * lengths) + start(at, n + ty + i * TY, i);
                at = start_below(at);
            }
        }
        for (var i = 0u; i < REG_Q; i += 1u) {
            peaks[i][ty][tx] = four_max(s[i]);
        }
        workgroupBarrier();
        for (var i = 0u; i < REG_Q; i += 1u) {
            var most = largest[i];
            for (var x = 0u; x < TX; x += 1u) {
                most = max(most, peaks[i][ty][x]);
            }
            let shrink = exp(largest[i] - most);
            let p = weights(s[i], most);
            largest[i] = most;
            total[i] = total[i] * shrink + four_sum(p);
            tile[i][ty][tx] = p;
            for (var c = 0u; c < COLS; c += 1u) {
                sums[i][c] *= shrink;
            }
        }
        let v_slices = (min(BK, end - first) + V_KEYS - 1u) / V_KEYS;
        slice = 0u;
        loop {
            workgroupBarrier();
            for (var l = 0u; l < V_LOADS; l += 1u) {
                for (var c = 0u; c < COLS; c += 1u) {
                    values[l * TY + ty][c][tx] = v_next[l][c];
                }
            }
            workgroupBarrier();
            for (var l = 0u; l < V_LOADS; l += 1u) {
                let v_at = value_row(first + (slice + 1u) * V_KEYS + l * TY + ty);
                for (var c = 0u; c < COLS; c += 1u) {
                    v_next[l][c] = value(v_at, tx, c * TX);
                }
            }
            for (var k4 = 0u; k4 < V_KEYS / 4u; k4 += 1u) {
                var p: array<vec4<f32>, REG_Q>;
                for (var i = 0u; i < REG_Q; i += 1u) {
                    p[i] = tile[i][ty][slice * (V_KEYS / 4u) + k4];
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
    for (var i = 0u; i < REG_Q; i += 1u) {
        peaks[i][ty][tx] = total[i];
    }
    workgroupBarrier();
    for (var i = 0u; i < REG_Q; i += 1u) {
        var all = 0.0;
        for (var x = 0u; x < TX; x += 1u) {
            all += peaks[i][ty][x];
        }
        let times = finish(n + ty + i * TY, tx, largest[i], all);
        for (var c = 0u; c < COLS; c += 1u) {
            store(n + ty + i * TY, tx + c * TX, sums[i][c] * times);
        }
    }
}
