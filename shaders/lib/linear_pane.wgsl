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
    part: u32, // bits; 1: store, do not add to y; 2: the last of a sum, with the epilogue
    epilogue: u32, // bits; 1: add bias, 2: add residual, 8: ReLU; in the sizes, since a pipeline costs more to compile
}
