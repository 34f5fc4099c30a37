// linear_xpane: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [DEPTH, rows, K/4] of vec4        pane
//     binding 1  w         [Z, ceil(N/64), K/4, 64] of vec4  read
//     binding 2  bias      [N/4] of vec4                     read (epilogue & 1)
//     binding 3  residual  [Z, M, N/4] of vec4               read (epilogue & 2)
//     binding 4  y         [Z, M, N/4] of vec4               write, read (epilogue & 4)
//     binding 5  sizes
//
// K and N are multiples of 4. Software devices read a uniform binding far faster than a
// storage one. x is therefore seen through panes of PANE vec4s.
// A pane holds some rows of one z, or all rows of DEPTH z's. There is one dispatch for
// each pane. w is packed: 64 columns are neighbours, because a workgroup reads them at
// the same time, and a vec4 holds four k's of one column.
// An invocation computes ROWS rows by 8 columns. Invocations count columns first, then
// rows, then z. Grid: flat(ceil(N/8) * ceil(rows/ROWS) * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import xpane

// Choice: rows of an invocation, 4 or 16.
const ROWS = 16u;

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
        if (ROWS == 16u) {
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
        }
        k++;
        if (k >= sizes.k4) {
            break;
        }
    }
    var sums: array<vec4<f32>, 2u * ROWS>;
    sums[0] = a0_0;
    sums[1] = a1_0;
    sums[2] = a2_0;
    sums[3] = a3_0;
    sums[ROWS] = a0_1;
    sums[ROWS + 1u] = a1_1;
    sums[ROWS + 2u] = a2_1;
    sums[ROWS + 3u] = a3_1;
    if (ROWS == 16u) {
        // A variable: with 4 rows, constants of 8 and more are out of bounds.
        var first = 4u;
        sums[first] = a4_0;
        sums[first + 1u] = a5_0;
        sums[first + 2u] = a6_0;
        sums[first + 3u] = a7_0;
        sums[first + 4u] = a8_0;
        sums[first + 5u] = a9_0;
        sums[first + 6u] = a10_0;
        sums[first + 7u] = a11_0;
        sums[first + 8u] = a12_0;
        sums[first + 9u] = a13_0;
        sums[first + 10u] = a14_0;
        sums[first + 11u] = a15_0;
        sums[first + 16u] = a4_1;
        sums[first + 17u] = a5_1;
        sums[first + 18u] = a6_1;
        sums[first + 19u] = a7_1;
        sums[first + 20u] = a8_1;
        sums[first + 21u] = a9_1;
        sums[first + 22u] = a10_1;
        sums[first + 23u] = a11_1;
        sums[first + 24u] = a12_1;
        sums[first + 25u] = a13_1;
        sums[first + 26u] = a14_1;
        sums[first + 27u] = a15_1;
    }
    //wgsl:import xpane_store
}
