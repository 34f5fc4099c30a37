// unrolled returns the index that a roll by -shift moves to i.
fn unrolled(i: u32, shift: u32, extent: u32) -> u32 {
    let at = i + shift;
    return select(at, at - extent, at >= extent);
}
