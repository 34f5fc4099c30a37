// linear_pane: the sizes of linear_pane and linear_pane_scalar.

struct Sizes {
    m: u32,
    n: u32,
    k4: u32, // vec4s in a row of x
    step_k4: u32, // vec4s of k in this step
    first_k4: u32,
    first_col: u32,
    cols: u32, // columns in the pane, a multiple of 16
    first_z: u32,
    depth: u32, // z's in the pane
    part: u32, // bits: 1 stores, does not add to y; 2 ends the sum with the epilogue
    epilogue: u32, // bits: 1 adds bias, 2 adds residual, 8 is ReLU
}
