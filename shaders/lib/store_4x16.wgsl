    // store_4x16: the end of pane kernels that compute 4 rows from row on by 16 columns
    // from col on. The sums a0_0 to a3_3 go to y. part has bits: 1 stores them, where
    // others add to y; 2 ends the sum with the epilogue.
    var sums: array<vec4<f32>, 16>;
    sums[0] = a0_0;
    sums[1] = a1_0;
    sums[2] = a2_0;
    sums[3] = a3_0;
    sums[4] = a0_1;
    sums[5] = a1_1;
    sums[6] = a2_1;
    sums[7] = a3_1;
    sums[8] = a0_2;
    sums[9] = a1_2;
    sums[10] = a2_2;
    sums[11] = a3_2;
    sums[12] = a0_3;
    sums[13] = a1_3;
    sums[14] = a2_3;
    sums[15] = a3_3;
    // The bound comes from sizes: llvmpipe would unroll a constant one, and take seconds
    // to compile.
    let count = min(4u, max(sizes.n / 4u, col / 4u) - col / 4u) * 4u;
    var i = 0u;
    loop {
        let r = row + i % 4u;
        let c = col / 4u + i / 4u;
        if (r < sizes.m && c * 4u < sizes.n) {
            let at = (z * sizes.m + r) * (sizes.n / 4u) + c;
            var v = sums[i];
            if ((part & 1u) == 0u) { v += y[at]; }
            if ((part & 2u) != 0u) {
                if ((sizes.epilogue & 1u) != 0u) { v += bias[c]; }
                if ((sizes.epilogue & 2u) != 0u) { v += residual[at]; }
                if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
                v = activate4(v);
            }
            y[at] = v;
        }
        i++;
        if (i >= count) {
            break;
        }
    }
