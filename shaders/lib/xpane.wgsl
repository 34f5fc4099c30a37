// xpane: the pane of x and the sizes of linear_xpane and linear_xpane_1x4.

// Choice: vec4s in the pane.
const PANE = 4096u;

struct Sizes {
    m: u32,
    n: u32,
    k4: u32, // vec4s in a row of x
    first_row: u32,
    rows: u32, // rows of each z in the pane
    first_z: u32,
    depth: u32, // z's in the pane
    epilogue: u32, // bits: 1 adds bias, 2 adds residual, 4 adds what is in y, 8 is ReLU
}
