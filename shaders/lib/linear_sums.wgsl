    // linear_sums: the beginning of linear_pane and linear_pane_scalar. The invocation
    // makes the sums of ROWS rows from row on by 16 columns from col on:
    // a<row>_<four of columns>.
    let id = flat_index(global, groups, 8u);
    let row_blocks = (sizes.m + ROWS - 1u) / ROWS;
    let col_blocks = sizes.cols / 16u;
    let row = (id % row_blocks) * ROWS;
    let block = id / row_blocks; // of the pane
    if (block >= col_blocks * sizes.depth) {
        return;
    }
    let z = sizes.first_z + block / col_blocks;
    let col = sizes.first_col + block % col_blocks * 16u;
    let last = sizes.m - 1u;
    let at0 = (z * sizes.m + min(row, last)) * sizes.k4 + sizes.first_k4;
    let at1 = (z * sizes.m + min(row + 1u, last)) * sizes.k4 + sizes.first_k4;
    let at2 = (z * sizes.m + min(row + 2u, last)) * sizes.k4 + sizes.first_k4;
    let at3 = (z * sizes.m + min(row + 3u, last)) * sizes.k4 + sizes.first_k4;
    let at4 = (z * sizes.m + min(row + 4u, last)) * sizes.k4 + sizes.first_k4;
    let at5 = (z * sizes.m + min(row + 5u, last)) * sizes.k4 + sizes.first_k4;
    let at6 = (z * sizes.m + min(row + 6u, last)) * sizes.k4 + sizes.first_k4;
    let at7 = (z * sizes.m + min(row + 7u, last)) * sizes.k4 + sizes.first_k4;
    let w0 = block * 4u * sizes.step_k4;
    let w1 = w0 + sizes.step_k4;
    let w2 = w1 + sizes.step_k4;
    let w3 = w2 + sizes.step_k4;
    var a0_0 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a4_0 = vec4<f32>();
    var a5_0 = vec4<f32>();
    var a6_0 = vec4<f32>();
    var a7_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a4_1 = vec4<f32>();
    var a5_1 = vec4<f32>();
    var a6_1 = vec4<f32>();
    var a7_1 = vec4<f32>();
    var a0_2 = vec4<f32>();
    var a1_2 = vec4<f32>();
    var a2_2 = vec4<f32>();
    var a3_2 = vec4<f32>();
    var a4_2 = vec4<f32>();
    var a5_2 = vec4<f32>();
    var a6_2 = vec4<f32>();
    var a7_2 = vec4<f32>();
    var a0_3 = vec4<f32>();
    var a1_3 = vec4<f32>();
    var a2_3 = vec4<f32>();
    var a3_3 = vec4<f32>();
    var a4_3 = vec4<f32>();
    var a5_3 = vec4<f32>();
    var a6_3 = vec4<f32>();
    var a7_3 = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let x0 = x[at0 + k];
        let x1 = x[at1 + k];
        let x2 = x[at2 + k];
        let x3 = x[at3 + k];
        var x4 = vec4<f32>();
        var x5 = vec4<f32>();
        var x6 = vec4<f32>();
        var x7 = vec4<f32>();
        if (ROWS == 8u) {
            x4 = x[at4 + k];
            x5 = x[at5 + k];
            x6 = x[at6 + k];
            x7 = x[at7 + k];
        }
        let b0 = w[w0 + k];
        a0_0 += x0 * b0;
        a1_0 += x1 * b0;
        a2_0 += x2 * b0;
        a3_0 += x3 * b0;
        if (ROWS == 8u) {
            a4_0 += x4 * b0;
            a5_0 += x5 * b0;
            a6_0 += x6 * b0;
            a7_0 += x7 * b0;
        }
        let b1 = w[w1 + k];
        a0_1 += x0 * b1;
        a1_1 += x1 * b1;
        a2_1 += x2 * b1;
        a3_1 += x3 * b1;
        if (ROWS == 8u) {
            a4_1 += x4 * b1;
            a5_1 += x5 * b1;
            a6_1 += x6 * b1;
            a7_1 += x7 * b1;
        }
        let b2 = w[w2 + k];
        a0_2 += x0 * b2;
        a1_2 += x1 * b2;
        a2_2 += x2 * b2;
        a3_2 += x3 * b2;
        if (ROWS == 8u) {
            a4_2 += x4 * b2;
            a5_2 += x5 * b2;
            a6_2 += x6 * b2;
            a7_2 += x7 * b2;
        }
        let b3 = w[w3 + k];
        a0_3 += x0 * b3;
        a1_3 += x1 * b3;
        a2_3 += x2 * b3;
        a3_3 += x3 * b3;
        if (ROWS == 8u) {
            a4_3 += x4 * b3;
            a5_3 += x5 * b3;
            a6_3 += x6 * b3;
            a7_3 += x7 * b3;
        }
        k++;
        if (k >= sizes.step_k4) {
            break;
        }
    }
