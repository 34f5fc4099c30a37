    // xpane_patch: the beginning of linear_xpane and linear_xpane_tall. The invocation
    // computes ROWS rows from row on, pane_row in the pane, by 8 columns from col on.
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
