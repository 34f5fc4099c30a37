// linear_xpane_1x4: y[z,m,n] = act(sum_k x[z,m,k] * w[z,n,k] + bias[n] + residual[z,m,n])
//
//     binding 0  x         [Z, M, K]   uniform pane: this step's rows, K a multiple of 4
//     binding 1  w         [Z, N, K]   read
//     binding 2  bias      [N]         read
//     binding 3  residual  [Z, M, N]   read
//     binding 4  y         [Z, M, N]   write, N a multiple of 4
//     binding 5  sizes                 uniform
//
// For devices that read a uniform binding far faster than a storage one
// (llvmpipe), when M is small. A step's pane, of PANE vec4s, holds rows rows
// of one z (depth 1), or all M rows of depth z's.
// An invocation makes 1 rows by 4 columns of y: rows of w are gathered, rows
// of x are shared. Invocations count columns first, then rows, then z.
// Grid: flat(ceil(n / 4) * rows * depth).

//wgsl:import activation
//wgsl:import index

// Choice: vec4s in the pane.
const PANE = 4096u;

struct Sizes {
    m: u32,
    n: u32,
    k4: u32, // vec4s in a row of x and of w
    first_row: u32,
    rows: u32, // rows of each z in the pane
    first_z: u32,
    depth: u32, // z's in the pane
    epilogue: u32, // 1: add bias, 2: add residual, 4: add what is in y, 8: ReLU; in the sizes, since a pipeline costs more to compile
}

@group(0) @binding(0) var<uniform> x: array<vec4<f32>, PANE>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 8u);
    let col_blocks = (sizes.n + 3u) / 4u;
    let row_blocks = (sizes.rows + 0u) / 1u;
    let col = (id % col_blocks) * 4u;
    let block = id / col_blocks; // of the pane
    if (block >= row_blocks * sizes.depth) {
        return;
    }
    let slice = block / row_blocks;
    let z = sizes.first_z + slice;
    let pane_row = block % row_blocks * 1u;
    let row = sizes.first_row + pane_row;
    let last_row = sizes.rows - 1u;
    let x0 = (slice * sizes.rows + min(pane_row + 0u, last_row)) * sizes.k4;
    let span = col / 4u;
    let spans = (sizes.n + 31u) / 32u;
    let w0 = (z * spans + span / 8u) * sizes.k4 * 32u + span % 8u * 4u;
    var a0_0 = vec4<f32>();
    var k = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let w1 = w0 + k * 32u;
        let b0 = mat4x4<f32>(w[w1 + 0u], w[w1 + 1u], w[w1 + 2u], w[w1 + 3u]);
        let v0 = x[x0 + k];
        a0_0 += v0 * b0;
        k++;
        if (k >= sizes.k4) {
            break;
        }
    }
    var sums: array<vec4<f32>, 1>;
    sums[0] = a0_0;
    // A bound from sizes: this loop unrolled would take llvmpipe seconds to compile.
    let count = min(1u, max(sizes.n / 4u, col / 4u) - col / 4u) * 1u;
    var i = 0u;
    loop {
        let r = row + i % 1u;
        let c = col / 4u + i / 1u;
        if (r < min(sizes.m, sizes.first_row + sizes.rows) && c * 4u < sizes.n) {
            let at = (z * sizes.m + r) * (sizes.n / 4u) + c;
            var v = sums[i];
            if ((sizes.epilogue & 1u) != 0u) { v += bias[c]; }
            if ((sizes.epilogue & 2u) != 0u) { v += residual[at]; }
            if ((sizes.epilogue & 4u) != 0u) { v += y[at]; }
            if ((sizes.epilogue & 8u) != 0u) { v = relu4(v); }
            v = activate4(v);
            y[at] = v;
        }
        i++;
        if (i >= count) {
            break;
        }
    }
}
