// swin: the sizes of window attention kernels, and where the tokens of a window lie.
// Positions are (row, column).

struct Sizes {
    b: u32, h: u32, w: u32, heads: u32, d: u32, window_h: u32, window_w: u32,
    count_h: u32, count_w: u32, shift_h: u32, shift_w: u32, scale: f32,
}

// place returns the position in the map of token t of a window. It may lie in the
// padding.
fn place(window: vec2<u32>, t: u32) -> vec2<u32> {
    let extent = vec2<u32>(sizes.window_h, sizes.window_w);
    let count = vec2<u32>(sizes.count_h, sizes.count_w);
    let at = window * extent + vec2<u32>(t / sizes.window_w, t % sizes.window_w) + vec2<u32>(sizes.shift_h, sizes.shift_w);
    return select(at, at - count * extent, at >= count * extent);
}

// edge returns the first row and the first column of a window that the roll brought
// from the other side of the map. Only the last windows have such; in others it is the
// extent of the window.
fn edge(window: vec2<u32>) -> vec2<u32> {
    let extent = vec2<u32>(sizes.window_h, sizes.window_w);
    let last = window + vec2<u32>(1u) == vec2<u32>(sizes.count_h, sizes.count_w);
    return select(extent, extent - vec2<u32>(sizes.shift_h, sizes.shift_w), last);
}

// region returns the number of the part of a window in which token t is. edge is where
// the parts meet.
fn region(edge: vec2<u32>, t: u32) -> u32 {
    return select(0u, 1u, t / sizes.window_w >= edge.x) + select(0u, 2u, t % sizes.window_w >= edge.y);
}
