// linear_xpane_4x8: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [DEPTH, ROWS, K/4] of vec4        pane
//     binding 1  w         [Z, ceil(N/64), K/4, 64] of vec4  read
//     binding 2  bias      [N/4] of vec4                     read (epilogue & 1)
//     binding 3  residual  [Z, M, N/4] of vec4               read (epilogue & 2)
//     binding 4  y         [Z, M, N/4] of vec4               write, read (epilogue & 4)
//     binding 5  sizes
//
// K and N are multiples of 4. Software devices read a uniform binding far faster than a
// storage one. x is therefore seen through panes of PANE vec4s.
// A pane holds some rows of one z, or all rows of DEPTH z's. There is one dispatch for
// each pane. w is packed: 64 columns are neighbours, because a workgroup reads them at
// the same time, and a vec4 holds four k's of one column.
// An invocation computes 4 rows by 8 columns. Invocations count columns first, then
// rows, then z. Grid: flat(ceil(N/8) * ceil(rows/4) * depth).

//wgsl:import activation
//wgsl:import index
//wgsl:import xpane

const ROWS = 4u; // of an invocation

@group(0) @binding(0) var<uniform> x: array<vec4<f32>, PANE>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    //wgsl:import xpane_rows
    var a0_0 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let w1 = w0 + k * 64u;
        let b0 = mat4x4<f32>(w[w1], w[w1 + 1u], w[w1 + 2u], w[w1 + 3u]);
        let b1 = mat4x4<f32>(w[w1 + 4u], w[w1 + 5u], w[w1 + 6u], w[w1 + 7u]);
        let v0 = x[x0 + k];
        a0_0 += v0 * b0;
        a0_1 += v0 * b1;
        let v1 = x[x1 + k];
        a1_0 += v1 * b0;
        a1_1 += v1 * b1;
        let v2 = x[x2 + k];
        a2_0 += v2 * b0;
        a2_1 += v2 * b1;
        let v3 = x[x3 + k];
        a3_0 += v3 * b0;
        a3_1 += v3 * b1;
        k++;
        if (k >= sizes.k4) {
            break;
        }
    }
    var sums: array<vec4<f32>, 8>;
    sums[0] = a0_0;
    sums[1] = a1_0;
    sums[2] = a2_0;
    sums[3] = a3_0;
    sums[4] = a0_1;
    sums[5] = a1_1;
    sums[6] = a2_1;
    sums[7] = a3_1;
    //wgsl:import store_rows
}
