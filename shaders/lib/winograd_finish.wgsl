// winograd_finish: the end of conv2d_winograd23_output and conv2d_winograd43_output.

// place returns where row i of column `to` of a tile is in y. A row that y does not have
// is at the place of row 0.
fn place(to: Column, i: u32) -> u32 {
    return to.at + select(0u, i * sizes.ow * sizes.c4, i < to.rows);
}

struct Column {
    at: u32, // in y
    rows: u32, // that y has
}

// column returns column j of a tile. A column that y does not have has no rows.
fn column(tile: u32, j: u32, c: u32) -> Column {
    let image = tile / (sizes.tiles_h * sizes.tiles_w);
    let row = tile / sizes.tiles_w % sizes.tiles_h * SIZE;
    let left = tile % sizes.tiles_w * SIZE;
    let inside = left + j < sizes.ow;
    let at = ((image * sizes.oh + row) * sizes.ow + left + select(0u, j, inside)) * sizes.c4 + c;
    return Column(at, select(0u, sizes.oh - row, inside));
}

fn finished(sum: vec4<f32>) -> vec4<f32> {
    return activate4(select(sum, relu4(sum), (sizes.epilogue & 8u) != 0u));
}
