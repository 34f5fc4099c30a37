// tiled_product computes a TILE_M x TILE_N tile of a matrix product a*b with the WG
// invocations of a workgroup. It walks over K from k4_begin to k4_end, in fours, and
// copies steps of TILE_K to workgroup memory. Invocation t keeps a REG_M x REG_N patch
// of the tile in registers, in vec4s. Its rows lie WG_Y apart and its fours of columns
// WG_X apart, so that neighbours read neighbouring words.
//
// The kernel that imports it defines these functions. Rows and columns are
// numbered within the tile. Loads return zeros outside the matrices.
//
//     fn load_a(row: u32, k4: u32) -> vec4<f32>        a[row, 4*k4 ...]
//     fn load_b(k: u32, column4: u32) -> vec4<f32>     b[k, 4*column4 ...]
//     fn load_bt(column: u32, k4: u32) -> vec4<f32>    b[4*k4 ..., column]
//     fn store(row: u32, column4: u32, sum: vec4<f32>)
//
// With TRANS_B the kernel reads b by load_bt, else by load_b.

// Choice: REG_M is 4, 7 or 8, REG_N is 4 or 8, and TILE_K is a multiple of 4.
const TILE_M = 64u;
const TILE_N = 64u;
const TILE_K = 16u;
const REG_M = 4u;
const REG_N = 4u;
const TRANS_B = false;
// Derived.
const WG_X = TILE_N / REG_N;
const WG_Y = TILE_M / REG_M;
const WG = WG_X * WG_Y;
const TILE_K4 = TILE_K / 4u;
const TILE_N4 = TILE_N / 4u;
// A spare vec4 keeps the columns of a transposed b in different banks.
const PITCH_B = TILE_K4 + 1u;
const A_ROWS = WG / TILE_K4;
const B_ROWS = WG / TILE_N4;

var<workgroup> a_tile: array<vec4<f32>, TILE_M * TILE_K4>;
var<workgroup> b_tile: array<vec4<f32>, TILE_N * PITCH_B>;

fn plus_product(sum: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(a.w), b[3], fma(vec4<f32>(a.z), b[2], fma(vec4<f32>(a.y), b[1], fma(vec4<f32>(a.x), b[0], sum))));
}

// tile_b returns the 4x4 block of b at row 4*k4 and column 4*column4 of the tile.
fn tile_b(k4: u32, column4: u32) -> mat4x4<f32> {
    if (TRANS_B) {
        let at = column4 * PITCH_B + k4;
        return transpose(mat4x4<f32>(
            b_tile[at],
            b_tile[at + TILE_N4 * PITCH_B],
            b_tile[at + 2u * TILE_N4 * PITCH_B],
            b_tile[at + 3u * TILE_N4 * PITCH_B]));
    }
    let at = 4u * k4 * TILE_N4 + column4;
    return mat4x4<f32>(b_tile[at], b_tile[at + TILE_N4], b_tile[at + 2u * TILE_N4], b_tile[at + 3u * TILE_N4]);
}

fn tiled_product(t: u32, k4_begin: u32, k4_end: u32) {
    let tx = t % WG_X;
    let ty = t / WG_X;
    // c<row><four of columns>
    var c00 = vec4<f32>(0.0);
    var c10 = vec4<f32>(0.0);
    var c20 = vec4<f32>(0.0);
    var c30 = vec4<f32>(0.0);
    var c40 = vec4<f32>(0.0);
    var c50 = vec4<f32>(0.0);
    var c60 = vec4<f32>(0.0);
    var c70 = vec4<f32>(0.0);
    var c01 = vec4<f32>(0.0);
    var c11 = vec4<f32>(0.0);
    var c21 = vec4<f32>(0.0);
    var c31 = vec4<f32>(0.0);
    var c41 = vec4<f32>(0.0);
    var c51 = vec4<f32>(0.0);
    var c61 = vec4<f32>(0.0);
    var c71 = vec4<f32>(0.0);
    for (var first = k4_begin; first < k4_end; first += TILE_K4) {
        let lane = t % TILE_K4;
        for (var row = t / TILE_K4; row < TILE_M; row += A_ROWS) {
            a_tile[row * TILE_K4 + lane] = load_a(row, first + lane);
        }
        if (TRANS_B) {
            for (var column = t / TILE_K4; column < TILE_N; column += A_ROWS) {
                b_tile[(column % 4u * TILE_N4 + column / 4u) * PITCH_B + lane] = load_bt(column, first + lane);
            }
        } else {
            let column4 = t % TILE_N4;
            for (var k = t / TILE_N4; k < TILE_K; k += B_ROWS) {
                b_tile[k * TILE_N4 + column4] = load_b(4u * first + k, column4);
            }
        }
        workgroupBarrier();
        for (var k4 = 0u; k4 < TILE_K4; k4 += 1u) {
            let at = ty * TILE_K4 + k4;
            let a0 = a_tile[at];
            let a1 = a_tile[at + WG_Y * TILE_K4];
            let a2 = a_tile[at + 2u * WG_Y * TILE_K4];
            let a3 = a_tile[at + 3u * WG_Y * TILE_K4];
            // Only larger patches have rows 4 to 7.
            var a4 = vec4<f32>(0.0);
            var a5 = vec4<f32>(0.0);
            var a6 = vec4<f32>(0.0);
            var a7 = vec4<f32>(0.0);
            if (REG_M >= 7u) {
                a4 = a_tile[at + 4u * WG_Y * TILE_K4];
                a5 = a_tile[at + 5u * WG_Y * TILE_K4];
                a6 = a_tile[at + 6u * WG_Y * TILE_K4];
            }
            if (REG_M == 8u) {
                a7 = a_tile[at + 7u * WG_Y * TILE_K4];
            }
            let b0 = tile_b(k4, tx);
            c00 = plus_product(c00, a0, b0);
            c10 = plus_product(c10, a1, b0);
            c20 = plus_product(c20, a2, b0);
            c30 = plus_product(c30, a3, b0);
            if (REG_M >= 7u) {
                c40 = plus_product(c40, a4, b0);
                c50 = plus_product(c50, a5, b0);
                c60 = plus_product(c60, a6, b0);
            }
            if (REG_M == 8u) {
                c70 = plus_product(c70, a7, b0);
            }
            if (REG_N == 8u) {
                let b1 = tile_b(k4, tx + WG_X);
                c01 = plus_product(c01, a0, b1);
                c11 = plus_product(c11, a1, b1);
                c21 = plus_product(c21, a2, b1);
                c31 = plus_product(c31, a3, b1);
                if (REG_M >= 7u) {
                    c41 = plus_product(c41, a4, b1);
                    c51 = plus_product(c51, a5, b1);
                    c61 = plus_product(c61, a6, b1);
                }
                if (REG_M == 8u) {
                    c71 = plus_product(c71, a7, b1);
                }
            }
        }
        workgroupBarrier();
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
