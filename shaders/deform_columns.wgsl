// deform_columns: y[b,i,j, c*T+t] = mask[b,i,j,g*T+t] * x[b, i*sh-ph+u*dh+D0, j*sw-pw+v*dw+D1, c],
//     [D0, D1] = offset[b,i,j,g*T+t], t = u*KW + v, T = KH*KW, and g the group of c
//
//     binding 0  x       [B, H, W, C]        read
//     binding 1  offset  [B, OH, OW, G*T*2]  read
//     binding 2  mask    [B, OH, OW, G*T]    read (MASK)
//     binding 3  y       [B, OH, OW, C*T]    write
//     binding 4  sizes
//
// A place between pixels is the mean of four, and outside x is 0. cg is C/G. An invocation
// computes one element. Grid: flat(B*OH*OW*C*T).

//wgsl:import index

// Choice.
const MASK = false;
const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, kw: u32, taps: u32, groups: u32, cg: u32,
    stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> offset: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

fn pixel(image: u32, r: i32, s: i32, c: u32) -> f32 {
    if (r < 0 || r >= i32(sizes.h) || s < 0 || s >= i32(sizes.w)) {
        return 0.0;
    }
    return x[((image * sizes.h + u32(r)) * sizes.w + u32(s)) * sizes.c + c];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let t = index % sizes.taps;
    let c = index / sizes.taps % sizes.c;
    let p = index / (sizes.taps * sizes.c);
    let j = p % sizes.ow;
    let i = p / sizes.ow % sizes.oh;
    let image = p / (sizes.ow * sizes.oh);
    let tap = (p * sizes.groups + c / sizes.cg) * sizes.taps + t;
    let down = f32(i32(i * sizes.stride_h + t / sizes.kw * sizes.dilation_h) - i32(sizes.pad_h)) + offset[2u * tap];
    let across = f32(i32(j * sizes.stride_w + t % sizes.kw * sizes.dilation_w) - i32(sizes.pad_w)) + offset[2u * tap + 1u];
    let top = clamp(floor(down), -1e9, 1e9);
    let left = clamp(floor(across), -1e9, 1e9);
    let u = down - top;
    let v = across - left;
    let r = i32(top);
    let s = i32(left);
    var sum = (1.0 - u) * ((1.0 - v) * pixel(image, r, s, c) + v * pixel(image, r, s + 1, c))
        + u * ((1.0 - v) * pixel(image, r + 1, s, c) + v * pixel(image, r + 1, s + 1, c));
    if (MASK) {
        sum *= mask[tap];
    }
    y[index] = sum;
}
