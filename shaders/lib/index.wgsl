// flat_index returns the number of an invocation in a grid that Flat made. Such a grid
// has rows of up to 32768 workgroups, each of `size` invocations.
fn flat_index(global: vec3<u32>, groups: vec3<u32>, size: u32) -> u32 {
    return global.y * groups.x * size + global.x;
}
