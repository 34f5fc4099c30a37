// conv2d_pane: y[b,i,j,n] = act(sum_pqc x[b, i*stride-pad+p*dilation, j*stride-pad+q*dilation, c] * w[n,p,q,c]
//     + bias[n] + residual[b,i,j,n])
//
//     binding 0  x         [B, H, W, C/4] of vec4                           read
//     binding 1  w         [COLS/4, KERNEL_H, KERNEL_W, STEP_C4] of mat4x4  pane
//     binding 2  bias      [N/4] of vec4                                    read (epilogue & 1)
//     binding 3  residual  [B, OH, OW, N/4] of vec4                         read (epilogue & 2)
//     binding 4  y         [B, OH, OW, N/4] of vec4                         write, read (part 0 or 2)
//     binding 5  sizes
//
// C and N are multiples of 4. Software devices read a uniform binding far faster than a
// storage one. w is therefore packed and seen through panes of 64 KiB.
// A pane holds all taps of COLS output channels for STEP_C4 * 4 input channels, in
// blocks of 4 output by 4 input channels, input innermost. There is one dispatch for
// each pane. Dispatches for later input channels add to y. The first adds to y, too, if
// y holds the residual.
// An invocation computes 16 channels of 4 pixels that follow one another in b, i, j.
// Invocations count pixels first, then channels.
// Grid: flat(ceil(B*OH*OW/4) * (COLS/16)).

//wgsl:import activation
//wgsl:import conv2d_pane
//wgsl:import index

const BLOCKS = 4u; // fours of channels of an invocation

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import conv2d_sums
    let part = sizes.part;
    let z = 0u;
    //wgsl:import store_4x16
}
