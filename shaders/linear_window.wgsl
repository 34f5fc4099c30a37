// linear_window: y[m,n] = act(sum_k x[m,k] * w[n,k] + bias[n] + residual[m,n])
//
//     binding 0  x         [M, K]                read, K a multiple of 4
//     binding 1  w         [N/4, K/4, 4, 4]      uniform window: this step's columns and k's
//     binding 2  bias      [N]                   read
//     binding 3  residual  [M, N]                read
//     binding 4  y         [M, N]                read and written
//     binding 5  sizes                           uniform
//
// For devices that read a uniform binding far faster than a storage one
// (llvmpipe). A step's window holds cols columns by kc4 * 4 k's of w, as
// 4 x 4 blocks (k innermost), 16 columns after 16 columns, and is at most
// 64 KiB; longer K is walked in several steps that add to y.
// An invocation makes a 8 x 16 patch of y: rows of x are gathered, blocks of
// w are shared by all. Invocations count rows first, then column blocks.
// Grid: flat(ceil(M/8) * cols/16).

//wgsl:import activation
//wgsl:import index

// Choice: set by the variant.
const HAS_BIAS = false;
const HAS_RESIDUAL = false;

struct Sizes {
    m: u32,
    n: u32,
    k4: u32, // vec4s in a row of x
    kc4: u32, // vec4s of k in this step
    first_k4: u32,
    first_col: u32,
    cols: u32, // columns in the window, a multiple of 16
    part: u32, // 1: the first step along k, 2: the last, 3: the only one
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(id, groups, 8u);
    let row_blocks = (sizes.m + 7u) / 8u;
    let row = (index % row_blocks) * 8u;
    let block = index / row_blocks;
    if (block * 16u >= sizes.cols) {
        return;
    }
    let last = sizes.m - 1u;
    let at0 = min(row + 0u, last) * sizes.k4 + sizes.first_k4;
    let at1 = min(row + 1u, last) * sizes.k4 + sizes.first_k4;
    let at2 = min(row + 2u, last) * sizes.k4 + sizes.first_k4;
    let at3 = min(row + 3u, last) * sizes.k4 + sizes.first_k4;
    let at4 = min(row + 4u, last) * sizes.k4 + sizes.first_k4;
    let at5 = min(row + 5u, last) * sizes.k4 + sizes.first_k4;
    let at6 = min(row + 6u, last) * sizes.k4 + sizes.first_k4;
    let at7 = min(row + 7u, last) * sizes.k4 + sizes.first_k4;
    var a0_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a0_2 = vec4<f32>();
    var a0_3 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a1_2 = vec4<f32>();
    var a1_3 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a2_2 = vec4<f32>();
    var a2_3 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a3_2 = vec4<f32>();
    var a3_3 = vec4<f32>();
    var a4_0 = vec4<f32>();
    var a4_1 = vec4<f32>();
    var a4_2 = vec4<f32>();
    var a4_3 = vec4<f32>();
    var a5_0 = vec4<f32>();
    var a5_1 = vec4<f32>();
    var a5_2 = vec4<f32>();
    var a5_3 = vec4<f32>();
    var a6_0 = vec4<f32>();
    var a6_1 = vec4<f32>();
    var a6_2 = vec4<f32>();
    var a6_3 = vec4<f32>();
    var a7_0 = vec4<f32>();
    var a7_1 = vec4<f32>();
    var a7_2 = vec4<f32>();
    var a7_3 = vec4<f32>();
    let w0 = block * 4u * sizes.kc4;
    let w1 = w0 + sizes.kc4;
    let w2 = w1 + sizes.kc4;
    let w3 = w2 + sizes.kc4;
    for (var k = 0u; k < sizes.kc4; k++) {
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
    }
    let col = sizes.first_col + block * 16u;
    // A loop stores the sums, since code that does not fit the instruction cache
    // is slow.
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
    for (var i = 0u; i < 32u; i++) {
        let r = row + i % 8u;
        let c = col / 4u + i / 8u;
        if (r < sizes.m && c * 4u < sizes.n) {
            let at = r * (sizes.n / 4u) + c;
            var v = sums[i];
            if ((sizes.part & 1u) == 0u) { v += y[at]; }
            if ((sizes.part & 2u) != 0u) {
                if (HAS_BIAS) { v += bias[c]; }
                if (HAS_RESIDUAL) { v += residual[at]; }
                v = activate4(v);
            }
            y[at] = v;
        }
    }
}
