// lanes: functions of attention kernels whose invocations compute four queries. An
// element of a vector and a column of a matrix belong to one of the four.

//wgsl:import scores

// outer returns the matrix of columns a * b[i].
fn outer(a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(a * b.x, a * b.y, a * b.z, a * b.w);
}

// biases returns what the scores of key m gain.
fn biases(b: u32, h: u32, n: vec4<u32>, m: u32) -> vec4<f32> {
    return vec4<f32>(added(b, h, n.x, m), added(b, h, n.y, m), added(b, h, n.z, m), added(b, h, n.w, m));
}

// seen returns the scores of key m, with LOWEST for queries that do not see it.
fn seen(s: vec4<f32>, m: u32, count: vec4<u32>) -> vec4<f32> {
    return select(s, vec4<f32>(LOWEST), vec4<u32>(m) >= count);
}

// weights returns exp(s - largest), with 0 for queries that do not see key m.
fn weights(s: vec4<f32>, largest: vec4<f32>, m: u32, count: vec4<u32>) -> vec4<f32> {
    return select(exp(s - largest), vec4<f32>(0.0), (vec4<u32>(m) >= count) | (s < vec4<f32>(LOWEST)));
}
