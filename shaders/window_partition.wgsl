// window_partition: y[(b, r/Wh, s/Ww), r%Wh, s%Ww, c] = x[b, (r+sh) mod P, (s+sw) mod Q, c], or 0 outside x
//     with REVERSE the inverse: x and y exchange their shapes (window_reverse)
//
//     binding 0  x  [B, H, W, C] of Element              read
//     binding 1  y  [B*P/Wh*Q/Ww, Wh, Ww, C] of Element  write
//     binding 2  sizes
//
// The map H x W is padded below and to the right to P x Q, multiples of the window. It
// is then rolled up and left by the shift. An Element is an f32, or a vec4 if C is a
// multiple of 4. n and c count Elements. An invocation copies one Element of y.
// Grid: flat(N).

//wgsl:import index
//wgsl:import window

// Choice: f32 or vec4<f32>; the direction.
alias Element = f32;
const REVERSE = false;
const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, window_h: u32, window_w: u32,
    count_h: u32, count_w: u32, shift_h: u32, shift_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let token = i / sizes.c;
    if (REVERSE) {
        // The place in the rolled map is the place in the map less the shift.
        let row = unrolled(token / sizes.w % sizes.h, sizes.count_h * sizes.window_h - sizes.shift_h, sizes.count_h * sizes.window_h);
        let column = unrolled(token % sizes.w, sizes.count_w * sizes.window_w - sizes.shift_w, sizes.count_w * sizes.window_w);
        let image = token / (sizes.w * sizes.h);
        let window = (image * sizes.count_h + row / sizes.window_h) * sizes.count_w + column / sizes.window_w;
        let at = (window * sizes.window_h + row % sizes.window_h) * sizes.window_w + column % sizes.window_w;
        y[i] = x[at * sizes.c + i % sizes.c];
        return;
    }
    let window = token / (sizes.window_h * sizes.window_w);
    let row = unrolled(window / sizes.count_w % sizes.count_h * sizes.window_h + token / sizes.window_w % sizes.window_h, sizes.shift_h, sizes.count_h * sizes.window_h);
    let column = unrolled(window % sizes.count_w * sizes.window_w + token % sizes.window_w, sizes.shift_w, sizes.count_w * sizes.window_w);
    if (row < sizes.h && column < sizes.w) {
        let image = window / (sizes.count_h * sizes.count_w);
        y[i] = x[((image * sizes.h + row) * sizes.w + column) * sizes.c + i % sizes.c];
    } else {
        y[i] = Element(0.0);
    }
}
