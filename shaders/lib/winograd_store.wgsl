    // winograd_store: the end of conv2d_winograd23_output_rolled and conv2d_winograd43_output_rolled.
    // all, a tile of SIZE x SIZE pixels, goes to y.
    let image = tile / (sizes.tiles_h * sizes.tiles_w);
    let i0 = tile / sizes.tiles_w % sizes.tiles_h * SIZE;
    let j0 = tile % sizes.tiles_w * SIZE;
    var add = vec4<f32>();
    if ((sizes.epilogue & 1u) != 0u) {
        add = bias[c];
    }
    let count = min(SIZE, sizes.oh - i0) * SIZE;
    var z = 0u;
    loop {
        let row = i0 + z / SIZE;
        let col = j0 + z % SIZE;
        if (row < sizes.oh && col < sizes.ow) {
            let to = ((image * sizes.oh + row) * sizes.ow + col) * sizes.c4 + c;
            var sum = all[z] + add;
            if ((sizes.epilogue & 2u) != 0u) {
                sum += residual[to];
            }
            if ((sizes.epilogue & 4u) != 0u) {
                sum += y[to];
            }
            if ((sizes.epilogue & 8u) != 0u) {
                sum = relu4(sum);
            }
            y[to] = activate4(sum);
        }
        z++;
        if (z >= count) {
            break;
        }
    }
