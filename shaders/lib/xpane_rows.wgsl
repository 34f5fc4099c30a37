    // xpane_rows: the beginning of linear_xpane_4x8 and linear_xpane_16x8. The invocation
    // makes ROWS rows from row on by 8 columns from col on. Its first rows of x begin at
    // x0 to x3, and its columns of w at w0.
    let id = flat_index(global, groups, 8u);
    let col_blocks = (sizes.n + 7u) / 8u;
    let row_blocks = (sizes.rows + ROWS - 1u) / ROWS;
    let col = (id % col_blocks) * 8u;
    let block = id / col_blocks; // of the pane
    if (block >= row_blocks * sizes.depth) {
        return;
    }
    let slice = block / row_blocks;
    let z = sizes.first_z + slice;
    let pane_row = block % row_blocks * ROWS;
    let row = sizes.first_row + pane_row;
    let last_row = sizes.rows - 1u;
    let x0 = (slice * sizes.rows + pane_row) * sizes.k4;
    let x1 = (slice * sizes.rows + min(pane_row + 1u, last_row)) * sizes.k4;
    let x2 = (slice * sizes.rows + min(pane_row + 2u, last_row)) * sizes.k4;
    let x3 = (slice * sizes.rows + min(pane_row + 3u, last_row)) * sizes.k4;
    let span = col / 8u;
    let slabs = (sizes.n + 63u) / 64u;
    let w0 = (z * slabs + span / 8u) * sizes.k4 * 64u + span % 8u * 8u;
