// linear_xpane_tall: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [DEPTH, rows, K/4] of vec4        pane
//     binding 1  w         [Z, ceil(N/64), K/4, 64] of vec4  read
//     binding 2  bias      [N/4] of vec4                     read (epilogue & 1)
//     binding 3  residual  [Z, M, N/4] of vec4               read (epilogue & 2)
//     binding 4  y         [Z, M, N/4] of vec4               write, read (epilogue & 4)
//     binding 5  sizes
//
// This is linear_xpane for more rows: it is faster, and takes longer to compile. K and N are
// multiples of 4. An invocation computes ROWS rows by 8 columns. Invocations count columns
// first, then rows, then z. Grid: flat(ceil(N/8) * ceil(rows/ROWS) * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import xpane

// Choice: rows of an invocation, 20, 24, 28 or 32.
const ROWS = 32u;

@group(0) @binding(0) var<uniform> x: array<vec4<f32>, PANE>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import xpane_patch
    let x0 = (slice * sizes.rows + pane_row) * sizes.k4;
    let x1 = (slice * sizes.rows + min(pane_row + 1u, last_row)) * sizes.k4;
    let x2 = (slice * sizes.rows + min(pane_row + 2u, last_row)) * sizes.k4;
    let x3 = (slice * sizes.rows + min(pane_row + 3u, last_row)) * sizes.k4;
    let x4 = (slice * sizes.rows + min(pane_row + 4u, last_row)) * sizes.k4;
    let x5 = (slice * sizes.rows + min(pane_row + 5u, last_row)) * sizes.k4;
    let x6 = (slice * sizes.rows + min(pane_row + 6u, last_row)) * sizes.k4;
    let x7 = (slice * sizes.rows + min(pane_row + 7u, last_row)) * sizes.k4;
    let x8 = (slice * sizes.rows + min(pane_row + 8u, last_row)) * sizes.k4;
    let x9 = (slice * sizes.rows + min(pane_row + 9u, last_row)) * sizes.k4;
    let x10 = (slice * sizes.rows + min(pane_row + 10u, last_row)) * sizes.k4;
    let x11 = (slice * sizes.rows + min(pane_row + 11u, last_row)) * sizes.k4;
    let x12 = (slice * sizes.rows + min(pane_row + 12u, last_row)) * sizes.k4;
    let x13 = (slice * sizes.rows + min(pane_row + 13u, last_row)) * sizes.k4;
    let x14 = (slice * sizes.rows + min(pane_row + 14u, last_row)) * sizes.k4;
    let x15 = (slice * sizes.rows + min(pane_row + 15u, last_row)) * sizes.k4;
    let x16 = (slice * sizes.rows + min(pane_row + 16u, last_row)) * sizes.k4;
    let x17 = (slice * sizes.rows + min(pane_row + 17u, last_row)) * sizes.k4;
    let x18 = (slice * sizes.rows + min(pane_row + 18u, last_row)) * sizes.k4;
    let x19 = (slice * sizes.rows + min(pane_row + 19u, last_row)) * sizes.k4;
    let x20 = (slice * sizes.rows + min(pane_row + 20u, last_row)) * sizes.k4;
    let x21 = (slice * sizes.rows + min(pane_row + 21u, last_row)) * sizes.k4;
    let x22 = (slice * sizes.rows + min(pane_row + 22u, last_row)) * sizes.k4;
    let x23 = (slice * sizes.rows + min(pane_row + 23u, last_row)) * sizes.k4;
    let x24 = (slice * sizes.rows + min(pane_row + 24u, last_row)) * sizes.k4;
    let x25 = (slice * sizes.rows + min(pane_row + 25u, last_row)) * sizes.k4;
    let x26 = (slice * sizes.rows + min(pane_row + 26u, last_row)) * sizes.k4;
    let x27 = (slice * sizes.rows + min(pane_row + 27u, last_row)) * sizes.k4;
    let x28 = (slice * sizes.rows + min(pane_row + 28u, last_row)) * sizes.k4;
    let x29 = (slice * sizes.rows + min(pane_row + 29u, last_row)) * sizes.k4;
    let x30 = (slice * sizes.rows + min(pane_row + 30u, last_row)) * sizes.k4;
    let x31 = (slice * sizes.rows + min(pane_row + 31u, last_row)) * sizes.k4;
    let span = col / 8u;
    let slabs = (sizes.n + 63u) / 64u;
    let w0 = (z * slabs + span / 8u) * sizes.k4 * 64u + span % 8u * 8u;
    var a0_0 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a4_0 = vec4<f32>();
    var a5_0 = vec4<f32>();
    var a6_0 = vec4<f32>();
    var a7_0 = vec4<f32>();
    var a8_0 = vec4<f32>();
    var a9_0 = vec4<f32>();
    var a10_0 = vec4<f32>();
    var a11_0 = vec4<f32>();
    var a12_0 = vec4<f32>();
    var a13_0 = vec4<f32>();
    var a14_0 = vec4<f32>();
    var a15_0 = vec4<f32>();
    var a16_0 = vec4<f32>();
    var a17_0 = vec4<f32>();
    var a18_0 = vec4<f32>();
    var a19_0 = vec4<f32>();
    var a20_0 = vec4<f32>();
    var a21_0 = vec4<f32>();
    var a22_0 = vec4<f32>();
    var a23_0 = vec4<f32>();
    var a24_0 = vec4<f32>();
    var a25_0 = vec4<f32>();
    var a26_0 = vec4<f32>();
    var a27_0 = vec4<f32>();
    var a28_0 = vec4<f32>();
    var a29_0 = vec4<f32>();
    var a30_0 = vec4<f32>();
    var a31_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a4_1 = vec4<f32>();
    var a5_1 = vec4<f32>();
    var a6_1 = vec4<f32>();
    var a7_1 = vec4<f32>();
    var a8_1 = vec4<f32>();
    var a9_1 = vec4<f32>();
    var a10_1 = vec4<f32>();
    var a11_1 = vec4<f32>();
    var a12_1 = vec4<f32>();
    var a13_1 = vec4<f32>();
    var a14_1 = vec4<f32>();
    var a15_1 = vec4<f32>();
    var a16_1 = vec4<f32>();
    var a17_1 = vec4<f32>();
    var a18_1 = vec4<f32>();
    var a19_1 = vec4<f32>();
    var a20_1 = vec4<f32>();
    var a21_1 = vec4<f32>();
    var a22_1 = vec4<f32>();
    var a23_1 = vec4<f32>();
    var a24_1 = vec4<f32>();
    var a25_1 = vec4<f32>();
    var a26_1 = vec4<f32>();
    var a27_1 = vec4<f32>();
    var a28_1 = vec4<f32>();
    var a29_1 = vec4<f32>();
    var a30_1 = vec4<f32>();
    var a31_1 = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let w1 = w0 + k * 64u;
        let b0 = mat4x4<f32>(w[w1], w[w1 + 1u], w[w1 + 2u], w[w1 + 3u]);
        let b1 = mat4x4<f32>(w[w1 + 4u], w[w1 + 5u], w[w1 + 6u], w[w1 + 7u]);
        let v0 = x[x0 + k];
        a0_0 += v0 * b0;
        a0_1 += v0 * b1;
        let v1 = x[x1 + k];
        a1_0 += v1 * b0;
        a1_1 += v1 * b1;
        let v2 = x[x2 + k];
        a2_0 += v2 * b0;
        a2_1 += v2 * b1;
        let v3 = x[x3 + k];
        a3_0 += v3 * b0;
        a3_1 += v3 * b1;
        let v4 = x[x4 + k];
        a4_0 += v4 * b0;
        a4_1 += v4 * b1;
        let v5 = x[x5 + k];
        a5_0 += v5 * b0;
        a5_1 += v5 * b1;
        let v6 = x[x6 + k];
        a6_0 += v6 * b0;
        a6_1 += v6 * b1;
        let v7 = x[x7 + k];
        a7_0 += v7 * b0;
        a7_1 += v7 * b1;
        let v8 = x[x8 + k];
        a8_0 += v8 * b0;
        a8_1 += v8 * b1;
        let v9 = x[x9 + k];
        a9_0 += v9 * b0;
        a9_1 += v9 * b1;
        let v10 = x[x10 + k];
        a10_0 += v10 * b0;
        a10_1 += v10 * b1;
        let v11 = x[x11 + k];
        a11_0 += v11 * b0;
        a11_1 += v11 * b1;
        let v12 = x[x12 + k];
        a12_0 += v12 * b0;
        a12_1 += v12 * b1;
        let v13 = x[x13 + k];
        a13_0 += v13 * b0;
        a13_1 += v13 * b1;
        let v14 = x[x14 + k];
        a14_0 += v14 * b0;
        a14_1 += v14 * b1;
        let v15 = x[x15 + k];
        a15_0 += v15 * b0;
        a15_1 += v15 * b1;
        let v16 = x[x16 + k];
        a16_0 += v16 * b0;
        a16_1 += v16 * b1;
        let v17 = x[x17 + k];
        a17_0 += v17 * b0;
        a17_1 += v17 * b1;
        let v18 = x[x18 + k];
        a18_0 += v18 * b0;
        a18_1 += v18 * b1;
        let v19 = x[x19 + k];
        a19_0 += v19 * b0;
        a19_1 += v19 * b1;
        if (ROWS > 20u) {
            let v20 = x[x20 + k];
            a20_0 += v20 * b0;
            a20_1 += v20 * b1;
            let v21 = x[x21 + k];
            a21_0 += v21 * b0;
            a21_1 += v21 * b1;
            let v22 = x[x22 + k];
            a22_0 += v22 * b0;
            a22_1 += v22 * b1;
            let v23 = x[x23 + k];
            a23_0 += v23 * b0;
            a23_1 += v23 * b1;
        }
        if (ROWS > 24u) {
            let v24 = x[x24 + k];
            a24_0 += v24 * b0;
            a24_1 += v24 * b1;
            let v25 = x[x25 + k];
            a25_0 += v25 * b0;
            a25_1 += v25 * b1;
            let v26 = x[x26 + k];
            a26_0 += v26 * b0;
            a26_1 += v26 * b1;
            let v27 = x[x27 + k];
            a27_0 += v27 * b0;
            a27_1 += v27 * b1;
        }
        if (ROWS > 28u) {
            let v28 = x[x28 + k];
            a28_0 += v28 * b0;
            a28_1 += v28 * b1;
            let v29 = x[x29 + k];
            a29_0 += v29 * b0;
            a29_1 += v29 * b1;
            let v30 = x[x30 + k];
            a30_0 += v30 * b0;
            a30_1 += v30 * b1;
            let v31 = x[x31 + k];
            a31_0 += v31 * b0;
            a31_1 += v31 * b1;
        }
        k++;
        if (k >= sizes.k4) {
            break;
        }
    }
    var sums: array<vec4<f32>, 2u * ROWS>;
    var first = 0u; // a variable: with fewer rows, constants are out of bounds
    sums[first] = a0_0;
    sums[first + ROWS] = a0_1;
    sums[first + 1u] = a1_0;
    sums[first + ROWS + 1u] = a1_1;
    sums[first + 2u] = a2_0;
    sums[first + ROWS + 2u] = a2_1;
    sums[first + 3u] = a3_0;
    sums[first + ROWS + 3u] = a3_1;
    sums[first + 4u] = a4_0;
    sums[first + ROWS + 4u] = a4_1;
    sums[first + 5u] = a5_0;
    sums[first + ROWS + 5u] = a5_1;
    sums[first + 6u] = a6_0;
    sums[first + ROWS + 6u] = a6_1;
    sums[first + 7u] = a7_0;
    sums[first + ROWS + 7u] = a7_1;
    sums[first + 8u] = a8_0;
    sums[first + ROWS + 8u] = a8_1;
    sums[first + 9u] = a9_0;
    sums[first + ROWS + 9u] = a9_1;
    sums[first + 10u] = a10_0;
    sums[first + ROWS + 10u] = a10_1;
    sums[first + 11u] = a11_0;
    sums[first + ROWS + 11u] = a11_1;
    sums[first + 12u] = a12_0;
    sums[first + ROWS + 12u] = a12_1;
    sums[first + 13u] = a13_0;
    sums[first + ROWS + 13u] = a13_1;
    sums[first + 14u] = a14_0;
    sums[first + ROWS + 14u] = a14_1;
    sums[first + 15u] = a15_0;
    sums[first + ROWS + 15u] = a15_1;
    sums[first + 16u] = a16_0;
    sums[first + ROWS + 16u] = a16_1;
    sums[first + 17u] = a17_0;
    sums[first + ROWS + 17u] = a17_1;
    sums[first + 18u] = a18_0;
    sums[first + ROWS + 18u] = a18_1;
    sums[first + 19u] = a19_0;
    sums[first + ROWS + 19u] = a19_1;
    if (ROWS > 20u) {
        sums[first + 20u] = a20_0;
        sums[first + ROWS + 20u] = a20_1;
        sums[first + 21u] = a21_0;
        sums[first + ROWS + 21u] = a21_1;
        sums[first + 22u] = a22_0;
        sums[first + ROWS + 22u] = a22_1;
        sums[first + 23u] = a23_0;
        sums[first + ROWS + 23u] = a23_1;
    }
    if (ROWS > 24u) {
        sums[first + 24u] = a24_0;
        sums[first + ROWS + 24u] = a24_1;
        sums[first + 25u] = a25_0;
        sums[first + ROWS + 25u] = a25_1;
        sums[first + 26u] = a26_0;
        sums[first + ROWS + 26u] = a26_1;
        sums[first + 27u] = a27_0;
        sums[first + ROWS + 27u] = a27_1;
    }
    if (ROWS > 28u) {
        sums[first + 28u] = a28_0;
        sums[first + ROWS + 28u] = a28_1;
        sums[first + 29u] = a29_0;
        sums[first + ROWS + 29u] = a29_1;
        sums[first + 30u] = a30_0;
        sums[first + ROWS + 30u] = a30_1;
        sums[first + 31u] = a31_0;
        sums[first + ROWS + 31u] = a31_1;
    }
    //wgsl:import xpane_store
}
