// conv2d_winograd23_input_rolled: v[p,q,t,c] = sum_ij BT[p,i] * x_t[i,j,c] * BT[q,j],
//     x_t is tile t of x
//
//     binding 0  x  [B, H, W, C/4] of vec4      read
//     binding 1  v  [4, 4, TILES, C/4] of vec4  write
//     binding 2  sizes
//
// A tile is 4 x 4 pixels of x with its padding, and tiles lie 2 pixels apart. There are
// TILES = B * tiles_h * tiles_w. BT is the matrix of F(2x2, 3x3) for inputs. An
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
    let i0 = i32(tile / sizes.tiles_w % sizes.tiles_h * 2u) - i32(sizes.pad_h);
    let j0 = i32(tile % sizes.tiles_w * 2u) - i32(sizes.pad_w);
    var bt = array<array<f32, 4>, 4>(
        array<f32, 4>(-1.0, 0.0, 0.0, 0.0),
        array<f32, 4>(0.0, 1.0, -1.0, -1.0),
        array<f32, 4>(1.0, 1.0, 1.0, 0.0),
        array<f32, 4>(0.0, 0.0, 0.0, 1.0),
    );
    var v0_0 = vec4<f32>();
    var v0_1 = vec4<f32>();
    var v0_2 = vec4<f32>();
    var v0_3 = vec4<f32>();
    var v1_0 = vec4<f32>();
    var v1_1 = vec4<f32>();
    var v1_2 = vec4<f32>();
    var v1_3 = vec4<f32>();
    var v2_0 = vec4<f32>();
    var v2_1 = vec4<f32>();
    var v2_2 = vec4<f32>();
    var v2_3 = vec4<f32>();
    var v3_0 = vec4<f32>();
    var v3_1 = vec4<f32>();
    var v3_2 = vec4<f32>();
    var v3_3 = vec4<f32>();
    var i = 0u;
    loop {
        let x0 = load(image, i0 + i32(i), j0 + 0, c);
        let x1 = load(image, i0 + i32(i), j0 + 1, c);
        let x2 = load(image, i0 + i32(i), j0 + 2, c);
        let x3 = load(image, i0 + i32(i), j0 + 3, c);
        let r0 = -x0 + x2;
        let r1 = x1 + x2;
        let r2 = -x1 + x2;
        let r3 = -x1 + x3;
        let b0 = bt[i][0];
        v0_0 += b0 * r0;
        v0_1 += b0 * r1;
        v0_2 += b0 * r2;
        v0_3 += b0 * r3;
        let b1 = bt[i][1];
        v1_0 += b1 * r0;
        v1_1 += b1 * r1;
        v1_2 += b1 * r2;
        v1_3 += b1 * r3;
        let b2 = bt[i][2];
        v2_0 += b2 * r0;
        v2_1 += b2 * r1;
        v2_2 += b2 * r2;
        v2_3 += b2 * r3;
        let b3 = bt[i][3];
        v3_0 += b3 * r0;
        v3_1 += b3 * r1;
        v3_2 += b3 * r2;
        v3_3 += b3 * r3;
        i++;
        if (i >= sizes.side) {
            break;
        }
    }
    var all: array<vec4<f32>, 16>;
    all[0] = v0_0;
    all[1] = v0_1;
    all[2] = v0_2;
    all[3] = v0_3;
    all[4] = v1_0;
    all[5] = v1_1;
    all[6] = v1_2;
    all[7] = v1_3;
    all[8] = v2_0;
    all[9] = v2_1;
    all[10] = v2_2;
    all[11] = v2_3;
    all[12] = v3_0;
    all[13] = v3_1;
    all[14] = v3_2;
    all[15] = v3_3;
    var z = 0u;
    loop {
        v[(z * sizes.tiles + tile) * sizes.c4 + c] = all[z];
        z++;
        if (z >= sizes.side * sizes.side) {
            break;
        }
    }
}
