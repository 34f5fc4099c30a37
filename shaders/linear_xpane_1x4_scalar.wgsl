// linear_xpane_1x4_scalar: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [DEPTH, rows, K/4] of vec4        pane
//     binding 1  w         [Z, ceil(N/32), K/4, 32] of vec4  read
//     binding 2  bias      [N]                               read (epilogue & 1)
//     binding 3  residual  [Z, M, N]                         read (epilogue & 2)
//     binding 4  y         [Z, M, N]                         write, read (epilogue & 4)
//     binding 5  sizes
//
// This is linear_xpane_1x4 for any N. K is a multiple of 4. An invocation computes 4
// columns of one row. Invocations count columns first, then rows, then z.
// Grid: flat(ceil(N/4) * rows * DEPTH).

//wgsl:import activation
//wgsl:import index
//wgsl:import xpane

@group(0) @binding(0) var<uniform> x: array<vec4<f32>, PANE>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import xpane_row
    let n = c * 4u;
    let at = row * sizes.n + n;
    let left = sizes.n - n; // columns, 1 or more
    if ((sizes.epilogue & 1u) != 0u) {
        v.x += bias[n];
        if (left > 1u) { v.y += bias[n + 1u]; }
        if (left > 2u) { v.z += bias[n + 2u]; }
        if (left > 3u) { v.w += bias[n + 3u]; }
    }
    if ((sizes.epilogue & 2u) != 0u) {
        v.x += residual[at];
        if (left > 1u) { v.y += residual[at + 1u]; }
        if (left > 2u) { v.z += residual[at + 2u]; }
        if (left > 3u) { v.w += residual[at + 3u]; }
    }
    if ((sizes.epilogue & 4u) != 0u) {
        v.x += y[at];
        if (left > 1u) { v.y += y[at + 1u]; }
        if (left > 2u) { v.z += y[at + 2u]; }
        if (left > 3u) { v.w += y[at + 3u]; }
    }
    if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
    v = activate4(v);
    y[at] = v.x;
    if (left > 1u) { y[at + 1u] = v.y; }
    if (left > 2u) { y[at + 2u] = v.z; }
    if (left > 3u) { y[at + 3u] = v.w; }
}
