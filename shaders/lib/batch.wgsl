// batch_matrices returns the numbers of the left and the right matrix of product z. d0
// to d3 are the extents of the four batch dimensions. l0 to l3 and r0 to r3 are strides
// in matrices; 0 repeats a matrix.
struct Batch {
    d0: u32, d1: u32, d2: u32, d3: u32,
    l0: u32, l1: u32, l2: u32, l3: u32,
    r0: u32, r1: u32, r2: u32, r3: u32,
}

fn batch_matrices(b: Batch, z: u32) -> vec2<u32> {
    let i3 = z % b.d3;
    let i2 = z / b.d3 % b.d2;
    let i1 = z / (b.d3 * b.d2) % b.d1;
    let i0 = z / (b.d3 * b.d2 * b.d1);
    return vec2<u32>(
        i0 * b.l0 + i1 * b.l1 + i2 * b.l2 + i3 * b.l3,
        i0 * b.r0 + i1 * b.r1 + i2 * b.r2 + i3 * b.r3);
}
