// lanes: what the attention kernels have in common of which an invocation takes
// four queries; elements of vectors, and columns of matrices, are its queries.

//wgsl:import scores

// outer is the matrix of columns a * b[i].
fn outer(a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(a * b.x, a * b.y, a * b.z, a * b.w);
}

// biases is what is added to the scores of key m.
fn biases(b: u32, h: u32, n: vec4<u32>, m: u32) -> vec4<f32> {
    return vec4<f32>(added(b, h, n.x, m), added(b, h, n.y, m), added(b, h, n.z, m), added(b, h, n.w, m));
}

// seen is the scores of key m, LOWEST where a query does not see it.
fn seen(s: vec4<f32>, m: u32, count: vec4<u32>) -> vec4<f32> {
    return select(s, vec4<f32>(LOWEST), vec4<u32>(m) >= count);
}

// weights is the exponential of s - largest, 0 where key m is not seen.
fn weights(s: vec4<f32>, largest: vec4<f32>, m: u32, count: vec4<u32>) -> vec4<f32> {
    return select(exp(s - largest), vec4<f32>(0.0), (vec4<u32>(m) >= count) | (s < vec4<f32>(LOWEST)));
}
