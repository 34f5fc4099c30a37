// conv2d_winograd43_input_rolled: v[p,q,t,c] = sum_ij BT[p,i] * x_t[i,j,c] * BT[q,j],
//     x_t is tile t of x
//
//     binding 0  x  [B, H, W, C/4] of vec4      read
//     binding 1  v  [6, 6, TILES, C/4] of vec4  write
//     binding 2  sizes
//
// A tile is 6 x 6 pixels of x with its padding, and tiles lie 4 pixels apart. There are
// TILES = B * tiles_h * tiles_w. BT is the matrix of F(4x4, 3x3) for inputs. An
// invocation computes four channels of a tile. Grid: flat(TILES * C/4).

//wgsl:import index
//wgsl:import winograd_input

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 8u);
    let c = id % sizes.c4;
    let tile = id / sizes.c4;
    if (tile >= sizes.tiles) {
        return;
    }
    let image = i32(tile / (sizes.tiles_h * sizes.tiles_w));
    let i0 = i32(tile / sizes.tiles_w % sizes.tiles_h * 4u) - i32(sizes.pad_h);
    let j0 = i32(tile % sizes.tiles_w * 4u) - i32(sizes.pad_w);
    var bt = array<array<f32, 6>, 6>(
        array<f32, 6>(1.265625, 0.0, 0.0, 0.0, 0.0, 0.0),
        array<f32, 6>(0.0, -1.6875, 1.6875, -0.84375, 0.84375, 1.265625),
        array<f32, 6>(-2.8125, -2.25, -2.25, -0.5625, -0.5625, 0.0),
        array<f32, 6>(0.0, 0.75, -0.75, 1.5, -1.5, -2.8125),
        array<f32, 6>(1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
        array<f32, 6>(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    );
    var v0_0 = vec4<f32>();
    var v0_1 = vec4<f32>();
    var v0_2 = vec4<f32>();
    var v0_3 = vec4<f32>();
    var v0_4 = vec4<f32>();
    var v0_5 = vec4<f32>();
    var v1_0 = vec4<f32>();
    var v1_1 = vec4<f32>();
    var v1_2 = vec4<f32>();
    var v1_3 = vec4<f32>();
    var v1_4 = vec4<f32>();
    var v1_5 = vec4<f32>();
    var v2_0 = vec4<f32>();
    var v2_1 = vec4<f32>();
    var v2_2 = vec4<f32>();
    var v2_3 = vec4<f32>();
    var v2_4 = vec4<f32>();
    var v2_5 = vec4<f32>();
    var v3_0 = vec4<f32>();
    var v3_1 = vec4<f32>();
    var v3_2 = vec4<f32>();
    var v3_3 = vec4<f32>();
    var v3_4 = vec4<f32>();
    var v3_5 = vec4<f32>();
    var v4_0 = vec4<f32>();
    var v4_1 = vec4<f32>();
    var v4_2 = vec4<f32>();
    var v4_3 = vec4<f32>();
    var v4_4 = vec4<f32>();
    var v4_5 = vec4<f32>();
    var v5_0 = vec4<f32>();
    var v5_1 = vec4<f32>();
    var v5_2 = vec4<f32>();
    var v5_3 = vec4<f32>();
    var v5_4 = vec4<f32>();
    var v5_5 = vec4<f32>();
    var i = 0u;
    loop {
        let x0 = load(image, i0 + i32(i), j0 + 0, c);
        let x1 = load(image, i0 + i32(i), j0 + 1, c);
        let x2 = load(image, i0 + i32(i), j0 + 2, c);
        let x3 = load(image, i0 + i32(i), j0 + 3, c);
        let x4 = load(image, i0 + i32(i), j0 + 4, c);
        let x5 = load(image, i0 + i32(i), j0 + 5, c);
        let r0 = 1.265625 * x0 - 2.8125 * x2 + x4;
        let r1 = -1.6875 * x1 - 2.25 * x2 + 0.75 * x3 + x4;
        let r2 = 1.6875 * x1 - 2.25 * x2 - 0.75 * x3 + x4;
        let r3 = -0.84375 * x1 - 0.5625 * x2 + 1.5 * x3 + x4;
        let r4 = 0.84375 * x1 - 0.5625 * x2 - 1.5 * x3 + x4;
        let r5 = 1.265625 * x1 - 2.8125 * x3 + x5;
        let b0 = bt[i][0];
        v0_0 += b0 * r0;
        v0_1 += b0 * r1;
        v0_2 += b0 * r2;
        v0_3 += b0 * r3;
        v0_4 += b0 * r4;
        v0_5 += b0 * r5;
        let b1 = bt[i][1];
        v1_0 += b1 * r0;
        v1_1 += b1 * r1;
        v1_2 += b1 * r2;
        v1_3 += b1 * r3;
        v1_4 += b1 * r4;
        v1_5 += b1 * r5;
        let b2 = bt[i][2];
        v2_0 += b2 * r0;
        v2_1 += b2 * r1;
        v2_2 += b2 * r2;
        v2_3 += b2 * r3;
        v2_4 += b2 * r4;
        v2_5 += b2 * r5;
        let b3 = bt[i][3];
        v3_0 += b3 * r0;
        v3_1 += b3 * r1;
        v3_2 += b3 * r2;
        v3_3 += b3 * r3;
        v3_4 += b3 * r4;
        v3_5 += b3 * r5;
        let b4 = bt[i][4];
        v4_0 += b4 * r0;
        v4_1 += b4 * r1;
        v4_2 += b4 * r2;
        v4_3 += b4 * r3;
        v4_4 += b4 * r4;
        v4_5 += b4 * r5;
        let b5 = bt[i][5];
        v5_0 += b5 * r0;
        v5_1 += b5 * r1;
        v5_2 += b5 * r2;
        v5_3 += b5 * r3;
        v5_4 += b5 * r4;
        v5_5 += b5 * r5;
        i++;
        if (i >= sizes.side) {
            break;
        }
    }
    var all: array<vec4<f32>, 36>;
    all[0] = v0_0;
    all[1] = v0_1;
    all[2] = v0_2;
    all[3] = v0_3;
    all[4] = v0_4;
    all[5] = v0_5;
    all[6] = v1_0;
    all[7] = v1_1;
    all[8] = v1_2;
    all[9] = v1_3;
    all[10] = v1_4;
    all[11] = v1_5;
    all[12] = v2_0;
    all[13] = v2_1;
    all[14] = v2_2;
    all[15] = v2_3;
    all[16] = v2_4;
    all[17] = v2_5;
    all[18] = v3_0;
    all[19] = v3_1;
    all[20] = v3_2;
    all[21] = v3_3;
    all[22] = v3_4;
    all[23] = v3_5;
    all[24] = v4_0;
    all[25] = v4_1;
    all[26] = v4_2;
    all[27] = v4_3;
    all[28] = v4_4;
    all[29] = v4_5;
    all[30] = v5_0;
    all[31] = v5_1;
    all[32] = v5_2;
    all[33] = v5_3;
    all[34] = v5_4;
    all[35] = v5_5;
    var z = 0u;
    loop {
        v[(z * sizes.tiles + tile) * sizes.c4 + c] = all[z];
        z++;
        if (z >= sizes.side * sizes.side) {
            break;
        }
    }
}
