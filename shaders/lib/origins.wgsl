// origins: where the window of each row of a tile begins, for conv2d_tiled and
// conv2d_tiled_vec4. It is the first row of the image in x, and the row and the column in
// the image. Negative ones wrap round.
var<workgroup> origins: array<vec3<u32>, TILE_M>;

// find_origins computes the origins of the tile whose first row is first_m.
fn find_origins(t: u32) {
    for (var row = t; row < TILE_M; row += WG) {
        let m = first_m + row;
        let j = m % sizes.ow;
        let i = m / sizes.ow % sizes.oh;
        let b = m / (sizes.ow * sizes.oh);
        origins[row] = vec3<u32>(b * sizes.h, i * sizes.stride_h - sizes.pad_h, j * sizes.stride_w - sizes.pad_w);
    }
    workgroupBarrier();
}
