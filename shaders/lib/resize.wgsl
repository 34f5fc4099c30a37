// resize_source returns where the centre of output pixel i lies in the input. PyTorch
// rounds the product before it subtracts a half, and picks pixels by the result. max
// keeps a compiler from fusing the two.
fn resize_source(i: u32, step: f32) -> f32 {
    if (ALIGN) {
        return f32(i) * step;
    }
    return max((f32(i) + 0.5) * step, 0.0) - 0.5;
}

// resize_nearest returns the input pixel nearest to output pixel i of n.
fn resize_nearest(i: u32, step: f32, n: u32) -> u32 {
    if (MODE == 1u) {
        return min(u32((f32(i) + 0.5) * step), n - 1u);
    }
    return min(u32(f32(i) * step), n - 1u);
}

// resize_cubic returns the weights of the pixels at -1, 0, 1 and 2 for a point at t.
fn resize_cubic(t: f32) -> vec4<f32> {
    let a = -0.75;
    let x = vec4<f32>(t + 1.0, t, 1.0 - t, 2.0 - t);
    let near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    return vec4<f32>(far.x, near.y, near.z, far.w);
}

// resize_four returns the pixels first-1 to first+2, clamped to [0, n).
fn resize_four(first: f32, n: u32) -> vec4<u32> {
    let k = i32(first) + vec4<i32>(-1, 0, 1, 2);
    return vec4<u32>(clamp(k, vec4<i32>(0), vec4<i32>(i32(n) - 1)));
}
