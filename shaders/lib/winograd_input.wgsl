// winograd_input: the sizes and loads of the transforms of x.

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
    side: u32, // of a tile: 4 or 6; for the rolled forms, since llvmpipe would unroll a constant
}

// load returns four channels of a pixel, zero in the padding.
fn load(image: i32, i: i32, j: i32, c: u32) -> vec4<f32> {
    let inside = i >= 0 && j >= 0 && i < i32(sizes.h) && j < i32(sizes.w);
    let at = (image * i32(sizes.h) + i) * i32(sizes.w) + j;
    return select(vec4<f32>(), x[u32(select(0, at, inside)) * sizes.c4 + c], inside);
}
