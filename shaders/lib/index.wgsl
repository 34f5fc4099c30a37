// flat_index numbers the invocations of a grid made by flat() in shaders:
// rows of up to 32768 workgroups of `size` invocations in x.
fn flat_index(global: vec3<u32>, groups: vec3<u32>, size: u32) -> u32 {
    return global.y * groups.x * size + global.x;
}
