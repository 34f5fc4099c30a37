// linear_pane_scalar: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [Z, M, K/4] of vec4                 read
//     binding 1  w         [DEPTH, COLS/4, STEP_K4] of mat4x4  pane
//     binding 2  bias      [N]                                 read (epilogue & 1)
//     binding 3  residual  [Z, M, N]                           read (epilogue & 2)
//     binding 4  y         [Z, M, N]                           write, read (part 0 or 2)
//     binding 5  sizes
//
// This is linear_pane for any N. K is a multiple of 4. An invocation computes 8 rows by
// 16 columns. Invocations count rows first, then columns, then z.
// Grid: flat(ceil(M/8) * (COLS/16) * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import linear_pane

const ROWS = 8u; // of an invocation
const BLOCKS = 4u; // fours of its columns

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import linear_sums
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
