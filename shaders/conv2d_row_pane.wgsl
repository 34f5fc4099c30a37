// conv2d_row_pane: y[b,i,j,n] = act(sum_pqc x[b, i*stride-pad+p*dilation, j*stride-pad+q, c] * w[n,p,q,c]
//     + bias[n] + residual[b,i,j,n])
//
//     binding 0  x         [B, H, W, C]                        read
//     binding 1  w         [COLS/4, KERNEL_H, RUN4] of mat4x4  pane
//     binding 2  bias      [N/4] of vec4                       read (epilogue & 1)
//     binding 3  residual  [B, OH, OW, N/4] of vec4            read (epilogue & 2)
//     binding 4  y         [B, OH, OW, N/4] of vec4            write, read (epilogue & 4)
//     binding 5  sizes
//
// This kernel is for images with few channels. N is a multiple of 4, and the dilation
// along a row is 1. The pixels under a row of the window are then one run of kernel_w *
// C numbers of x. The run takes the place of the channels, and none is padded.
// Software devices read a uniform binding far faster than a storage one. w is therefore
// packed and seen through panes of 64 KiB. A pane holds COLS output channels, in blocks
// of 4 channels by 4 places of the run, places innermost. Zeros fill a run of w up to
// RUN4 * 4 places. There is one dispatch for each pane.
// An invocation computes 16 channels of 4 pixels that follow one another in b, i, j.
// Invocations count pixels first, then channels.
// Grid: flat(ceil(B*OH*OW/4) * (COLS/16)).

//wgsl:import activation
//wgsl:import index

struct Sizes {
    m: u32, // B * OH * OW
    n: u32,
    h: u32,
    w: u32,
    c: u32,
    oh: u32,
    ow: u32,
    kernel_h: u32,
    kernel_w: u32,
    stride_h: u32,
    stride_w: u32,
    pad_h: u32,
    pad_w: u32,
    dilation_h: u32,
    run4: u32, // ceil(kernel_w * c / 4)
    first_col: u32,
    cols: u32, // channels in the pane, a multiple of 16
    epilogue: u32, // bits: 1 adds bias, 2 adds residual, 4 adds what is in y, 8 is ReLU
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<uniform> w: array<mat4x4<f32>, 1024>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// Run says where the first run of an output pixel begins.
struct Run {
    row: i32, // of x
    at: i32, // in the row, in floats
    image: i32, // of x, in floats
}

fn run(p: u32) -> Run {
    let j = p % sizes.ow;
    let i = p / sizes.ow % sizes.oh;
    return Run(
        i32(i * sizes.stride_h) - i32(sizes.pad_h),
        (i32(j * sizes.stride_w) - i32(sizes.pad_w)) * i32(sizes.c),
        i32(p / (sizes.ow * sizes.oh) * sizes.h * sizes.w * sizes.c),
    );
}

// load returns four floats of a run, from k on, under kernel row dy. In the padding
// they are zero.
fn load(r: Run, dy: i32, k: i32) -> vec4<f32> {
    let width = i32(sizes.w * sizes.c);
    let row = r.row + dy;
    let j = vec4<i32>(0, 1, 2, 3) + (r.at + k);
    let inside = (j >= vec4<i32>(0)) & (j < vec4<i32>(width)) & vec4<bool>(row >= 0 && row < i32(sizes.h));
    let at = vec4<u32>(select(vec4<i32>(0), r.image + row * width + j, inside));
    return select(vec4<f32>(), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
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
    let run0 = run(min(row, last));
    let run1 = run(min(row + 1u, last));
    let run2 = run(min(row + 2u, last));
    let run3 = run(min(row + 3u, last));
    var a0_0 = vec4<f32>();
    var a1_0 = vec4<f32>();
    var a2_0 = vec4<f32>();
    var a3_0 = vec4<f32>();
    var a0_1 = vec4<f32>();
    var a1_1 = vec4<f32>();
    var a2_1 = vec4<f32>();
    var a3_1 = vec4<f32>();
    var a0_2 = vec4<f32>();
    var a1_2 = vec4<f32>();
    var a2_2 = vec4<f32>();
    var a3_2 = vec4<f32>();
    var a0_3 = vec4<f32>();
    var a1_3 = vec4<f32>();
    var a2_3 = vec4<f32>();
    var a3_3 = vec4<f32>();
    let plane = sizes.kernel_h * sizes.run4;
    var w0 = block * 4u * plane;
    var p = 0u;
    loop { // tested at its end: llvmpipe runs a masked round otherwise
        let dy = i32(p * sizes.dilation_h);
        var k = 0u;
        loop {
            let x0 = load(run0, dy, i32(k * 4u));
            let x1 = load(run1, dy, i32(k * 4u));
            let x2 = load(run2, dy, i32(k * 4u));
            let x3 = load(run3, dy, i32(k * 4u));
            let b0 = w[w0];
            a0_0 += x0 * b0;
            a1_0 += x1 * b0;
            a2_0 += x2 * b0;
            a3_0 += x3 * b0;
            let b1 = w[w0 + plane];
            a0_1 += x0 * b1;
            a1_1 += x1 * b1;
            a2_1 += x2 * b1;
            a3_1 += x3 * b1;
            let b2 = w[w0 + 2u * plane];
            a0_2 += x0 * b2;
            a1_2 += x1 * b2;
            a2_2 += x2 * b2;
            a3_2 += x3 * b2;
            let b3 = w[w0 + 3u * plane];
            a0_3 += x0 * b3;
            a1_3 += x1 * b3;
            a2_3 += x2 * b3;
            a3_3 += x3 * b3;
            w0++;
            k++;
            if (k >= sizes.run4) {
                break;
            }
        }
        p++;
        if (p >= sizes.kernel_h) {
            break;
        }
    }
    let col = sizes.first_col + block * 16u;
    let part = select(3u, 2u, (sizes.epilogue & 4u) != 0u);
    let z = 0u;
    //wgsl:import store_4x16
}
