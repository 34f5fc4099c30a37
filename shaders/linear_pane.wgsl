// linear_pane: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [Z, M, K/4] of vec4                 read
//     binding 1  w         [DEPTH, COLS/4, STEP_K4] of mat4x4  pane
//     binding 2  bias      [N/4] of vec4                       read (epilogue & 1)
//     binding 3  residual  [Z, M, N/4] of vec4                 read (epilogue & 2)
//     binding 4  y         [Z, M, N/4] of vec4                 write, read (part 0 or 2)
//     binding 5  sizes
//
// K and N are multiples of 4. Software devices read a uniform binding far faster than a
// storage one. w is therefore packed and seen through panes of 64 KiB.
// A pane holds STEP_K4 * 4 k's of COLS columns of DEPTH z's, in blocks of 4 columns by
// 4 k's, k innermost. There is one dispatch for each pane. Dispatches for later k's add
// to y. The first adds to y, too, if y holds the residual.
// An invocation computes 4 rows by 16 columns. Neighbouring invocations read different
// rows of x and the same blocks of w. They count rows first, then columns, then z.
// Grid: flat(ceil(M/4) * (COLS/16) * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import linear_pane

const ROWS = 4u; // of an invocation

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import linear_sums
    let part = sizes.part;
    //wgsl:import store_4x16
}
