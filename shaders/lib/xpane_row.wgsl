    // xpane_row: the beginning of linear_xpane_1x4 and linear_xpane_1x4_scalar. The
    // invocation makes v, the products of one row of x with columns 4*c to 4*c+3.
    let id = flat_index(global, groups, 8u);
    let col_blocks = (sizes.n + 3u) / 4u;
    let c = id % col_blocks; // the four columns
    let line = id / col_blocks; // of the pane: a row of a z
    if (line >= sizes.rows * sizes.depth) {
        return;
    }
    let x0 = line * sizes.k4;
    let slabs = (sizes.n + 31u) / 32u;
    let z = sizes.first_z + line / sizes.rows;
    let w0 = (z * slabs + c / 8u) * sizes.k4 * 32u + c % 8u * 4u;
    var v = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let w1 = w0 + k * 32u;
        v += x[x0 + k] * mat4x4<f32>(w[w1], w[w1 + 1u], w[w1 + 2u], w[w1 + 3u]);
        k++;
        if (k >= sizes.k4) {
            break;
        }
    }
    let row = z * sizes.m + sizes.first_row + line % sizes.rows;
