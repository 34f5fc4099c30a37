// conv2d_pane_scalar: y[b,i,j,n] = act(sum_pqc x[b, i*stride-pad+p*dilation, j*stride-pad+q*dilation, c] * w[n,p,q,c]
//     + bias[n] + residual[b,i,j,n])
//
//     binding 0  x         [B, H, W, C/4] of vec4                           read
//     binding 1  w         [COLS/4, KERNEL_H, KERNEL_W, STEP_C4] of mat4x4  pane
//     binding 2  bias      [N]                                              read (epilogue & 1)
//     binding 3  residual  [B, OH, OW, N]                                   read (epilogue & 2)
//     binding 4  y         [B, OH, OW, N]                                   write, read (part 0 or 2)
//     binding 5  sizes
//
// This is conv2d_pane for any N. C is a multiple of 4. An invocation computes 12
// channels of 4 pixels that follow one another in b, i, j. Invocations count pixels
// first, then channels. Grid: flat(ceil(B*OH*OW/4) * (COLS/12)).

//wgsl:import activation
//wgsl:import conv2d_pane
//wgsl:import index

const ROWS = 4u; // of an invocation
const BLOCKS = 3u; // fours of its columns

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import conv2d_sums
    var sums: array<vec4<f32>, 12>;
    sums[0] = a0_0;
    sums[1] = a1_0;
    sums[2] = a2_0;
    sums[3] = a3_0;
    sums[4] = a0_1;
    sums[5] = a1_1;
    sums[6] = a2_1;
    sums[7] = a3_1;
    sums[8] = a0_2;
    sums[9] = a1_2;
    sums[10] = a2_2;
    sums[11] = a3_2;
    let z = 0u;
    //wgsl:import store_columns
}
