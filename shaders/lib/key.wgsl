// key maps numbers to integers of the same order. Equal numbers get equal integers.
fn key(v: f32) -> u32 {
    let bits = bitcast<u32>(v);
    let magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return 0xffffffffu;
    }
    if (bits == magnitude || magnitude == 0u) {
        return magnitude | 0x80000000u;
    }
    return ~bits;
}
