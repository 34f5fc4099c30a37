// linear_pane_scalar: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [Z, M, K/4] of vec4                 read
//     binding 1  w         [DEPTH, COLS/4, STEP_K4] of mat4x4  pane
//     binding 2  bias      [N]                                 read (epilogue & 1)
//     binding 3  residual  [Z, M, N]                           read (epilogue & 2)
//     binding 4  y         [Z, M, N]                           write, read (part 0 or 2)
//     binding 5  sizes
//
// For devices that read a uniform binding far faster than a storage one
// (llvmpipe). K is a multiple of 4. A dispatch's pane, of 64 KiB at
// most, holds depth z's of cols columns of step_k4 * 4 k's of w, as blocks of 4
// columns by 4 k's (k innermost). Longer K is walked in several dispatches that
// add to y; so does the first if y holds the residual.
// An invocation makes 8 rows by 16 columns of y: its rows of x are gathered,
// blocks of w are shared. Invocations count rows first, then columns, then z.
// Grid: flat(ceil(M/8) * (cols/16) * depth).

//wgsl:import activation
//wgsl:import index

const ROWS = 8u; // of an invocation
const BLOCKS = 4u; // fours of its columns

struct Sizes {
    m: u32,
    n: u32,
    k4: u32, // vec4s in a row of x
    step_k4: u32, // vec4s of k in this step
    first_k4: u32,
    first_col: u32,
    cols: u32, // columns in the pane, a multiple of 16
    first_z: u32,
    depth: u32, // z's in the pane
    part: u32, // bits; 1: store, do not add to y; 2: the last of a sum, with the epilogue
    epilogue: u32, // bits; 1: add bias, 2: add residual, 8: ReLU; in the sizes, since a pipeline costs more to compile
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 8u);
    let row_blocks = (sizes.m + 7u) / 8u;
    let col_blocks = sizes.cols / 16u;
    let row = (id % row_blocks) * 8u;
    let block = id / row_blocks; // of the pane
    if (block >= col_blocks * sizes.depth) {
        return;
    }
    let z = sizes.first_z + block / col_blocks;
    let col = sizes.first_col + block % col_blocks * 16u;
    let last = sizes.m - 1u;
    let at0 = (z * sizes.m + min(row, last)) * sizes.k4 + sizes.first_k4;
    let at1 = (z * sizes.m + min(row + 1u, last)) * sizes.k4 + sizes.first_k4;
    let at2 = (z * sizes.m + min(row + 2u, last)) * sizes.k4 + sizes.first_k4;
    let at3 = (z * sizes.m + min(row + 3u, last)) * sizes.k4 + sizes.first_k4;
    let at4 = (z * sizes.m + min(row + 4u, last)) * sizes.k4 + sizes.first_k4;
    let at5 = (z * sizes.m + min(row + 5u, last)) * sizes.k4 + sizes.first_k4;
    let at6 = (z * sizes.m + min(row + 6u, last)) * sizes.k4 + sizes.first_k4;
    let at7 = (z * sizes.m + min(row + 7u, last)) * sizes.k4 + sizes.first_k4;
    let w0 = block * 4u * sizes.step_k4;
    let w1 = w0 + sizes.step_k4;
    let w2 = w1 + sizes.step_k4;
    let w3 = w2 + sizes.step_k4;
    var a0_0 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a4_0 = vec4<f32>();
    var a5_0 = vec4<f32>();
    var a6_0 = vec4<f32>();
    var a7_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a4_1 = vec4<f32>();
    var a5_1 = vec4<f32>();
    var a6_1 = vec4<f32>();
    var a7_1 = vec4<f32>();
    var a0_2 = vec4<f32>();
    var a1_2 = vec4<f32>();
    var a2_2 = vec4<f32>();
    var a3_2 = vec4<f32>();
    var a4_2 = vec4<f32>();
    var a5_2 = vec4<f32>();
    var a6_2 = vec4<f32>();
    var a7_2 = vec4<f32>();
    var a0_3 = vec4<f32>();
    var a1_3 = vec4<f32>();
    var a2_3 = vec4<f32>();
    var a3_3 = vec4<f32>();
    var a4_3 = vec4<f32>();
    var a5_3 = vec4<f32>();
    var a6_3 = vec4<f32>();
    var a7_3 = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let x0 = x[at0 + k];
        let x1 = x[at1 + k];
        let x2 = x[at2 + k];
        let x3 = x[at3 + k];
        let x4 = x[at4 + k];
        let x5 = x[at5 + k];
        let x6 = x[at6 + k];
        let x7 = x[at7 + k];
        let b0 = w[w0 + k];
        a0_0 += x0 * b0;
        a1_0 += x1 * b0;
        a2_0 += x2 * b0;
        a3_0 += x3 * b0;
        a4_0 += x4 * b0;
        a5_0 += x5 * b0;
        a6_0 += x6 * b0;
        a7_0 += x7 * b0;
        let b1 = w[w1 + k];
        a0_1 += x0 * b1;
        a1_1 += x1 * b1;
        a2_1 += x2 * b1;
        a3_1 += x3 * b1;
        a4_1 += x4 * b1;
        a5_1 += x5 * b1;
        a6_1 += x6 * b1;
        a7_1 += x7 * b1;
        let b2 = w[w2 + k];
        a0_2 += x0 * b2;
        a1_2 += x1 * b2;
        a2_2 += x2 * b2;
        a3_2 += x3 * b2;
        a4_2 += x4 * b2;
        a5_2 += x5 * b2;
        a6_2 += x6 * b2;
        a7_2 += x7 * b2;
        let b3 = w[w3 + k];
        a0_3 += x0 * b3;
        a1_3 += x1 * b3;
        a2_3 += x2 * b3;
        a3_3 += x3 * b3;
        a4_3 += x4 * b3;
        a5_3 += x5 * b3;
        a6_3 += x6 * b3;
        a7_3 += x7 * b3;
        k++;
        if (k >= sizes.step_k4) {
            break;
        }
    }
    var sums: array<vec4<f32>, 32>;
    sums[0] = a0_0;
    sums[1] = a1_0;
    sums[2] = a2_0;
    sums[3] = a3_0;
    sums[4] = a4_0;
    sums[5] = a5_0;
    sums[6] = a6_0;
    sums[7] = a7_0;
    sums[8] = a0_1;
    sums[9] = a1_1;
    sums[10] = a2_1;
    sums[11] = a3_1;
    sums[12] = a4_1;
    sums[13] = a5_1;
    sums[14] = a6_1;
    sums[15] = a7_1;
    sums[16] = a0_2;
    sums[17] = a1_2;
    sums[18] = a2_2;
    sums[19] = a3_2;
    sums[20] = a4_2;
    sums[21] = a5_2;
    sums[22] = a6_2;
    sums[23] = a7_2;
    sums[24] = a0_3;
    sums[25] = a1_3;
    sums[26] = a2_3;
    sums[27] = a3_3;
    sums[28] = a4_3;
    sums[29] = a5_3;
    sums[30] = a6_3;
    sums[31] = a7_3;
    //wgsl:import store_columns
}
