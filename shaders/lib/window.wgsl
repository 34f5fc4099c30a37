// unrolled(i, shift, extent) is where index i of a roll by -shift comes from.
fn unrolled(i: u32, shift: u32, extent: u32) -> u32 {
    let at = i + shift;
    return select(at, at - extent, at >= extent);
}
