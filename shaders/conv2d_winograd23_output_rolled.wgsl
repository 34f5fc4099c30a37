// conv2d_winograd23_output_rolled: y_t[p,q,n] = act(sum_ij AT[p,i] * s[i,j,t,n] * AT[q,j] + bias[n] + residual_t[p,q,n]),
//     y_t and residual_t are tile t of y and of residual
//
//     binding 0  s         [4, 4, TILES, N/4] of vec4  read
//     binding 1  bias      [N/4] of vec4               read (epilogue & 1)
//     binding 2  residual  [B, OH, OW, N/4] of vec4    read (epilogue & 2)
//     binding 3  y         [B, OH, OW, N/4] of vec4    write, read (epilogue & 4)
//     binding 4  sizes, where c4 is N/4
//
// A tile is 2 x 2 pixels. There are TILES = B * tiles_h * tiles_w. AT is the matrix of
// F(2x2, 3x3) for outputs. An invocation computes four channels of a tile.
// Grid: flat(TILES * N/4).

//wgsl:import activation
//wgsl:import index
//wgsl:import winograd_output

const SIZE = 2u; // of a tile of y

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
    var at = array<array<f32, 2>, 4>(
        array<f32, 2>(1.0, 0.0),
        array<f32, 2>(1.0, 1.0),
        array<f32, 2>(1.0, -1.0),
        array<f32, 2>(0.0, 1.0),
    );
    var y0_0 = vec4<f32>();
    var y0_1 = vec4<f32>();
    var y1_0 = vec4<f32>();
    var y1_1 = vec4<f32>();
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
        let r0 = s0 + s1 + s2;
        let r1 = s1 - s2 + s3;
        let a0 = at[i][0];
        y0_0 += a0 * r0;
        y0_1 += a0 * r1;
        let a1 = at[i][1];
        y1_0 += a1 * r0;
        y1_1 += a1 * r1;
        i++;
        if (i >= sizes.side) {
            break;
        }
    }
    var all: array<vec4<f32>, 4>;
    all[0] = y0_0;
    all[1] = y0_1;
    all[2] = y1_0;
    all[3] = y1_1;
    //wgsl:import winograd_store
}
