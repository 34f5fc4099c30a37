// winograd_output: the sizes of the transforms to y.

struct Sizes {
    h: u32,
    w: u32,
    c4: u32, // vec4s in a pixel
    oh: u32,
    ow: u32,
    pad_h: u32,
    pad_w: u32,
    tiles_h: u32,
    tiles_w: u32,
    tiles: u32, // B * tiles_h * tiles_w
    side: u32, // of s: 4 or 6; for the rolled forms, since llvmpipe would unroll a constant
    epilogue: u32, // bits: 1 adds bias, 2 adds residual, 4 adds what is in y, 8 is ReLU
}
