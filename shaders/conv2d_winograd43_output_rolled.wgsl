// conv2d_winograd43_output_rolled: y_t[p,q,n] = act(sum_ij AT[p,i] * s[i,j,t,n] * AT[q,j] + bias[n] + residual_t[p,q,n]),
//     y_t and residual_t are tile t of y and of residual
//
//     binding 0  s         [6, 6, TILES, N/4] of vec4  read
//     binding 1  bias      [N/4] of vec4               read (epilogue & 1)
//     binding 2  residual  [B, OH, OW, N/4] of vec4    read (epilogue & 2)
//     binding 3  y         [B, OH, OW, N/4] of vec4    write, read (epilogue & 4)
//     binding 4  sizes, where c4 is N/4
//
// A tile is 4 x 4 pixels. There are TILES = B * tiles_h * tiles_w. AT is the matrix of
// F(4x4, 3x3) for outputs. An invocation computes four channels of a tile.
// Grid: flat(TILES * N/4).

//wgsl:import activation
//wgsl:import index
//wgsl:import winograd_output

const SIZE = 4u; // of a tile of y

@group(0) @binding(0) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 8u);
    let c = id % sizes.c4;
    let tile = id / sizes.c4;
    if (tile >= sizes.tiles) {
        return;
    }
    var at = array<array<f32, 4>, 6>(
        array<f32, 4>(1.0, 0.0, 0.0, 0.0),
        array<f32, 4>(1.0, 0.75, 0.5625, 0.421875),
        array<f32, 4>(1.0, -0.75, 0.5625, -0.421875),
        array<f32, 4>(1.0, 1.5, 2.25, 3.375),
        array<f32, 4>(1.0, -1.5, 2.25, -3.375),
        array<f32, 4>(0.0, 0.0, 0.0, 1.0),
    );
    var y0_0 = vec4<f32>();
    var y0_1 = vec4<f32>();
    var y0_2 = vec4<f32>();
    var y0_3 = vec4<f32>();
    var y1_0 = vec4<f32>();
    var y1_1 = vec4<f32>();
    var y1_2 = vec4<f32>();
    var y1_3 = vec4<f32>();
    var y2_0 = vec4<f32>();
    var y2_1 = vec4<f32>();
    var y2_2 = vec4<f32>();
    var y2_3 = vec4<f32>();
    var y3_0 = vec4<f32>();
    var y3_1 = vec4<f32>();
    var y3_2 = vec4<f32>();
    var y3_3 = vec4<f32>();
    let plane = sizes.tiles * sizes.c4;
    var src = tile * sizes.c4 + c;
    var i = 0u;
    loop {
        let s0 = s[src];
        src += plane;
        let s1 = s[src];
        src += plane;
        let s2 = s[src];
        src += plane;
        let s3 = s[src];
        src += plane;
        let s4 = s[src];
        src += plane;
        let s5 = s[src];
        src += plane;
        let r0 = s0 + s1 + s2 + s3 + s4;
        let r1 = 0.75 * s1 - 0.75 * s2 + 1.5 * s3 - 1.5 * s4;
        let r2 = 0.5625 * s1 + 0.5625 * s2 + 2.25 * s3 + 2.25 * s4;
        let r3 = 0.421875 * s1 - 0.421875 * s2 + 3.375 * s3 - 3.375 * s4 + s5;
        let a0 = at[i][0];
        y0_0 += a0 * r0;
        y0_1 += a0 * r1;
        y0_2 += a0 * r2;
        y0_3 += a0 * r3;
        let a1 = at[i][1];
        y1_0 += a1 * r0;
        y1_1 += a1 * r1;
        y1_2 += a1 * r2;
        y1_3 += a1 * r3;
        let a2 = at[i][2];
        y2_0 += a2 * r0;
        y2_1 += a2 * r1;
        y2_2 += a2 * r2;
        y2_3 += a2 * r3;
        let a3 = at[i][3];
        y3_0 += a3 * r0;
        y3_1 += a3 * r1;
        y3_2 += a3 * r2;
        y3_3 += a3 * r3;
        i++;
        if (i >= sizes.side) {
            break;
        }
    }
    var all: array<vec4<f32>, 16>;
    all[0] = y0_0;
    all[1] = y0_1;
    all[2] = y0_2;
    all[3] = y0_3;
    all[4] = y1_0;
    all[5] = y1_1;
    all[6] = y1_2;
    all[7] = y1_3;
    all[8] = y2_0;
    all[9] = y2_1;
    all[10] = y2_2;
    all[11] = y2_3;
    all[12] = y3_0;
    all[13] = y3_1;
    all[14] = y3_2;
    all[15] = y3_3;
    //wgsl:import winograd_store
}
