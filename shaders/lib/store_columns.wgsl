    // store_columns: the end of pane kernels that compute ROWS rows from row on by BLOCKS
    // fours of columns from col on. N may be any number. The sums go to y.
    // The bound comes from sizes: llvmpipe would unroll a constant one, and take seconds
    // to compile.
    let count = min(BLOCKS, max((sizes.n + 3u) / 4u, col / 4u) - col / 4u) * ROWS;
    var i = 0u;
    loop {
        let r = row + i % ROWS;
        let c = col + i / ROWS * 4u;
        if (r < sizes.m) {
            let at = (z * sizes.m + r) * sizes.n + c;
            var v = sums[i];
            if ((sizes.part & 1u) == 0u) {
                if (c < sizes.n) { v.x += y[at]; }
                if (c + 1u < sizes.n) { v.y += y[at + 1u]; }
                if (c + 2u < sizes.n) { v.z += y[at + 2u]; }
                if (c + 3u < sizes.n) { v.w += y[at + 3u]; }
            }
            if ((sizes.part & 2u) != 0u) {
                if ((sizes.epilogue & 1u) != 0u) {
                    if (c < sizes.n) { v.x += bias[c]; }
                    if (c + 1u < sizes.n) { v.y += bias[c + 1u]; }
                    if (c + 2u < sizes.n) { v.z += bias[c + 2u]; }
                    if (c + 3u < sizes.n) { v.w += bias[c + 3u]; }
                }
                if ((sizes.epilogue & 2u) != 0u) {
                    if (c < sizes.n) { v.x += residual[at]; }
                    if (c + 1u < sizes.n) { v.y += residual[at + 1u]; }
                    if (c + 2u < sizes.n) { v.z += residual[at + 2u]; }
                    if (c + 3u < sizes.n) { v.w += residual[at + 3u]; }
                }
                if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
                v = activate4(v);
            }
            if (c < sizes.n) { y[at] = v.x; }
            if (c + 1u < sizes.n) { y[at + 1u] = v.y; }
            if (c + 2u < sizes.n) { y[at + 2u] = v.z; }
            if (c + 3u < sizes.n) { y[at + 3u] = v.w; }
        }
        i++;
        if (i >= count) {
            break;
        }
    }
