// wrapped returns index k of n, counted from the end if it is negative.
fn wrapped(k: f32, n: u32) -> f32 {
    return select(k, k + f32(n), k < 0.0);
}
