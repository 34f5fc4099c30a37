// conv2d_pane: the sizes of conv2d_pane and conv2d_pane_scalar, and where their taps are.

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
    cols: u32, // channels in the pane
    part: u32, // bits: 1 stores, does not add to y; 2 ends the sum with the epilogue
    epilogue: u32, // bits: 1 adds bias, 2 adds residual, 8 is ReLU
}

// corner returns the row and the column in x of the first tap of output pixel p, and
// its image.
fn corner(p: u32) -> vec3<i32> {
    let j = p % sizes.ow;
    let i = p / sizes.ow % sizes.oh;
    return vec3<i32>(
        i32(i * sizes.stride_h) - i32(sizes.pad_h),
        i32(j * sizes.stride_w) - i32(sizes.pad_w),
        i32(p / (sizes.ow * sizes.oh)),
    );
}

// pixel returns where in x the tap (dy, dx) of a corner begins, or -1 in the padding.
fn pixel(at: vec3<i32>, dy: i32, dx: i32) -> i32 {
    let i = at.x + dy;
    let j = at.y + dx;
    if (i < 0 || j < 0 || i >= i32(sizes.h) || j >= i32(sizes.w)) {
        return -1;
    }
    return ((at.z * i32(sizes.h) + i) * i32(sizes.w) + j) * i32(sizes.c4) + i32(sizes.first_c4);
}
