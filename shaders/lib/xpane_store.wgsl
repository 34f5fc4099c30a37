    // xpane_store: the end of linear_xpane and linear_xpane_tall. The sums of ROWS rows by
    // two fours of columns go to y.
    // The bound comes from sizes: llvmpipe would unroll a constant one, and take seconds
    // to compile.
    let count = min(2u, max(sizes.n / 4u, col / 4u) - col / 4u) * ROWS;
    var i = 0u;
    loop {
        let r = row + i % ROWS;
        let c = col / 4u + i / ROWS;
        if (r < min(sizes.m, sizes.first_row + sizes.rows) && c * 4u < sizes.n) {
            let at = (z * sizes.m + r) * (sizes.n / 4u) + c;
            var v = sums[i];
            if ((sizes.epilogue & 1u) != 0u) { v += bias[c]; }
            if ((sizes.epilogue & 2u) != 0u) { v += residual[at]; }
            if ((sizes.epilogue & 4u) != 0u) { v += y[at]; }
            if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
            v = activate4(v);
            y[at] = v;
        }
        i++;
        if (i >= count) {
            break;
        }
    }
