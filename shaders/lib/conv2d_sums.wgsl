    // conv2d_sums: the beginning of conv2d_pane and conv2d_pane_scalar. The invocation
    // makes the sums of 4 pixels from row on by BLOCKS fours of channels from col on:
    // a<pixel>_<four>.
    let id = flat_index(global, groups, 8u);
    let row_blocks = (sizes.m + 3u) / 4u;
    let row = (id % row_blocks) * 4u;
    let block = id / row_blocks;
    if (block * 4u * BLOCKS >= sizes.cols) {
        return;
    }
    let last = sizes.m - 1u;
    let corner0 = corner(min(row, last));
    let corner1 = corner(min(row + 1u, last));
    let corner2 = corner(min(row + 2u, last));
    let corner3 = corner(min(row + 3u, last));
    var a0_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a0_2 = vec4<f32>();
    var a0_3 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a1_2 = vec4<f32>();
    var a1_3 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a2_2 = vec4<f32>();
    var a2_3 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a3_2 = vec4<f32>();
    var a3_3 = vec4<f32>();
    let taps = sizes.kernel_h * sizes.kernel_w;
    var w0 = block * BLOCKS * taps * sizes.step_c4;
    var tap = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let dy = i32(tap / sizes.kernel_w * sizes.dilation_h);
        let dx = i32(tap % sizes.kernel_w * sizes.dilation_w);
        let at0 = pixel(corner0, dy, dx);
        let at1 = pixel(corner1, dy, dx);
        let at2 = pixel(corner2, dy, dx);
        let at3 = pixel(corner3, dy, dx);
        let w1 = w0 + taps * sizes.step_c4;
        let w2 = w1 + taps * sizes.step_c4;
        let w3 = w2 + taps * sizes.step_c4;
        var c = 0u;
        loop {
            let x0 = select(vec4<f32>(), x[u32(max(at0, 0)) + c], at0 >= 0);
            let x1 = select(vec4<f32>(), x[u32(max(at1, 0)) + c], at1 >= 0);
            let x2 = select(vec4<f32>(), x[u32(max(at2, 0)) + c], at2 >= 0);
            let x3 = select(vec4<f32>(), x[u32(max(at3, 0)) + c], at3 >= 0);
            let b0 = w[w0 + c];
            a0_0 += x0 * b0;
            a1_0 += x1 * b0;
            a2_0 += x2 * b0;
            a3_0 += x3 * b0;
            let b1 = w[w1 + c];
            a0_1 += x0 * b1;
            a1_1 += x1 * b1;
            a2_1 += x2 * b1;
            a3_1 += x3 * b1;
            let b2 = w[w2 + c];
            a0_2 += x0 * b2;
            a1_2 += x1 * b2;
            a2_2 += x2 * b2;
            a3_2 += x3 * b2;
            if (BLOCKS == 4u) {
                let b3 = w[w3 + c];
                a0_3 += x0 * b3;
                a1_3 += x1 * b3;
                a2_3 += x2 * b3;
                a3_3 += x3 * b3;
            }
            c++;
            if (c >= sizes.step_c4) {
                break;
            }
        }
        w0 += sizes.step_c4;
        tap++;
        if (tap >= taps) {
            break;
        }
    }
    let col = sizes.first_col + block * 4u * BLOCKS;
