// relative_position_bias: y[h, i, j] = table[(iy-jy+Wh-1)*(2*Ww-1) + ix-jx+Ww-1, h]
//
//     binding 0  table  [(2*Wh-1)*(2*Ww-1), H]  read
//     binding 1  y      [H, T, T], T = Wh*Ww    write
//     binding 2  sizes
//
// An invocation copies one element. Grid: flat(H*T*T).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, heads: u32, window_h: u32, window_w: u32 }
@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = flat_index(global, groups, WG);
    if (at >= sizes.n) {
        return;
    }
    let t = sizes.window_h * sizes.window_w;
    let i = at / t % t;
    let j = at % t;
    let down = i / sizes.window_w + sizes.window_h - 1u - j / sizes.window_w;
    let across = i % sizes.window_w + sizes.window_w - 1u - j % sizes.window_w;
    y[at] = table[(down * (2u * sizes.window_w - 1u) + across) * sizes.heads + at / (t * t)];
}
