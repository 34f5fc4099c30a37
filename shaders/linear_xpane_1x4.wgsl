// linear_xpane_1x4: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [DEPTH, rows, K/4] of vec4        pane
//     binding 1  w         [Z, ceil(N/32), K/4, 32] of vec4  read
//     binding 2  bias      [N/4] of vec4                     read (epilogue & 1)
//     binding 3  residual  [Z, M, N/4] of vec4               read (epilogue & 2)
//     binding 4  y         [Z, M, N/4] of vec4               write, read (epilogue & 4)
//     binding 5  sizes
//
// K and N are multiples of 4. Software devices read a uniform binding far faster than a
// storage one. x is therefore seen through panes of PANE vec4s.
// A pane holds some rows of one z, or all rows of DEPTH z's. There is one dispatch for
// each pane. w is packed: 32 columns are neighbours, because a workgroup reads them at
// the same time, and a vec4 holds four k's of one column.
// An invocation computes 4 columns of one row. Invocations count columns first, then
// rows, then z. Grid: flat(ceil(N/4) * rows * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import xpane

@group(0) @binding(0) var<uniform> x: array<vec4<f32>, PANE>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import xpane_row
    let at = row * col_blocks + c;
    if ((sizes.epilogue & 1u) != 0u) { v += bias[c]; }
    if ((sizes.epilogue & 2u) != 0u) { v += residual[at]; }
    if ((sizes.epilogue & 4u) != 0u) { v += y[at]; }
    if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
    y[at] = activate4(v);
}
