// conv2d_pane: y[b,i,j,n] = act(sum_pqc x[b, i*stride-pad+p*dilation, j*stride-pad+q*dilation, c] * w[n,p,q,c]
//                             + bias[n] + residual[b,i,j,n])
//
//     binding 0  x         [B, H, W, C/4] of vec4                           read
//     binding 1  w         [COLS/4, KERNEL_H, KERNEL_W, STEP_C4] of mat4x4  pane
//     binding 2  bias      [N/4] of vec4                                    read (epilogue & 1)
//     binding 3  residual  [B, OH, OW, N/4] of vec4                         read (epilogue & 2)
//     binding 4  y         [B, OH, OW, N/4] of vec4                         write, read (part 0 or 2)
//     binding 5  sizes
//
// For devices that read a uniform binding far faster than a storage one
// (llvmpipe). C is a multiple of 4, and so is N. A dispatch's pane, of 64 KiB at
// most, holds cols output channels by all taps by step_c4 * 4 input channels of
// w, as blocks of 4 output by 4 input channels (input innermost). More input
// channels are walked in several dispatches that add to y; so does the first if
// y holds the residual.
// An invocation makes 4 pixels (consecutive in b,i,j) by 16 channels of y.
// Invocations count pixels first, then channel blocks.
// Grid: flat(ceil(B*OH*OW/4) * (cols/16)).

//wgsl:import activation
//wgsl:import index

struct Sizes {
    m: u32, // B * OH * OW
    n: u32,
    h: u32,
    w: u32,
    c4: u32, // vec4s in a pixel of x
    oh: u32,
    ow: u32,
    kernel_h: u32,
    kernel_w: u32,
    stride_h: u32,
    stride_w: u32,
    pad_h: u32,
    pad_w: u32,
    dilation_h: u32,
    dilation_w: u32,
    step_c4: u32, // vec4s of c in this step
    first_c4: u32,
    first_col: u32,
    cols: u32, // channels in the pane, a multiple of 16
    part: u32, // bits; 1: store, do not add to y; 2: the last of a sum, with the epilogue
    epilogue: u32, // bits; 1: add bias, 2: add residual, 8: ReLU; in the sizes, since a pipeline costs more to compile
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// corner is the input row and column of output pixel p's first tap, and its image.
fn corner(p: u32) -> vec3<i32> {
    let j = p % sizes.ow;
    let i = p / sizes.ow % sizes.oh;
    return vec3<i32>(
        i32(i * sizes.stride_h) - i32(sizes.pad_h),
        i32(j * sizes.stride_w) - i32(sizes.pad_w),
        i32(p / (sizes.ow * sizes.oh)),
    );
}

// pixel is where in x the tap (dy, dx) of a corner begins, -1 in the padding.
fn pixel(at: vec3<i32>, dy: i32, dx: i32) -> i32 {
    let i = at.x + dy;
    let j = at.y + dx;
    if (i < 0 || j < 0 || i >= i32(sizes.h) || j >= i32(sizes.w)) {
        return -1;
    }
    return ((at.z * i32(sizes.h) + i) * i32(sizes.w) + j) * i32(sizes.c4) + i32(sizes.first_c4);
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 8u);
    let row_blocks = (sizes.m + 3u) / 4u;
    let row = (id % row_blocks) * 4u;
    let block = id / row_blocks;
    if (block * 16u >= sizes.cols) {
        return;
    }
    let last = sizes.m - 1u;
    let corner0 = corner(min(row, last));
    let corner1 = corner(min(row + 1u, last));
    let corner2 = corner(min(row + 2u, last));
    let corner3 = corner(min(row + 3u, last));
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
    let taps = sizes.kernel_h * sizes.kernel_w;
    var w0 = block * 4u * taps * sizes.step_c4;
    var tap = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let dy = i32(tap / sizes.kernel_w * sizes.dilation_h);
        let dx = i32(tap % sizes.kernel_w * sizes.dilation_w);
        let at0 = pixel(corner0, dy, dx);
        let at1 = pixel(corner1, dy, dx);
        let at2 = pixel(corner2, dy, dx);
        let at3 = pixel(corner3, dy, dx);
        let w1 = w0 + taps * sizes.step_c4;
        let w2 = w1 + taps * sizes.step_c4;
        let w3 = w2 + taps * sizes.step_c4;
        var c = 0u;
        loop {
            let x0 = select(vec4<f32>(), x[u32(max(at0, 0)) + c], at0 >= 0);
            let x1 = select(vec4<f32>(), x[u32(max(at1, 0)) + c], at1 >= 0);
            let x2 = select(vec4<f32>(), x[u32(max(at2, 0)) + c], at2 >= 0);
            let x3 = select(vec4<f32>(), x[u32(max(at3, 0)) + c], at3 >= 0);
            let b0 = w[w0 + c];
            a0_0 += x0 * b0;
            a1_0 += x1 * b0;
            a2_0 += x2 * b0;
            a3_0 += x3 * b0;
            let b1 = w[w1 + c];
            a0_1 += x0 * b1;
            a1_1 += x1 * b1;
            a2_1 += x2 * b1;
            a3_1 += x3 * b1;
            let b2 = w[w2 + c];
            a0_2 += x0 * b2;
            a1_2 += x1 * b2;
            a2_2 += x2 * b2;
            a3_2 += x3 * b2;
            let b3 = w[w3 + c];
            a0_3 += x0 * b3;
            a1_3 += x1 * b3;
            a2_3 += x2 * b3;
            a3_3 += x3 * b3;
            c++;
            if (c >= sizes.step_c4) {
                break;
            }
        }
        w0 += sizes.step_c4;
        tap++;
        if (tap >= taps) {
            break;
        }
    }
    let col = sizes.first_col + block * 16u;
    let part = sizes.part;
    let z = 0u;
    //wgsl:import store_4x16
}
