// conv2d_winograd23_input: v[p,t,c] = (Bᵀ d B)[p], where d is the 4x4 window of x for tile t of 2x2 outputs
//
//     binding 0  x  [B, H, W, C]  read
//     binding 1  v  [16, T, C]    write
//     binding 2  sizes
//
// The first third of Winograd's F(2x2, 3x3) (Lavin and Gray, arXiv:1509.09308).
// An invocation transforms one channel of one tile. Grid: flat(T*C).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, h: u32, w: u32, c: u32, tiles_h: u32, tiles_w: u32, pad_h: u32, pad_w: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// transform is Bᵀ times a column.
fn transform(d: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(d.x - d.z, d.y + d.z, d.z - d.y, d.w - d.y);
}

// pixel is zero beside the image, where an index has wrapped round.
fn pixel(image: u32, r: u32, s: u32, c: u32) -> f32 {
    if (r < sizes.h && s < sizes.w) {
        return x[((image * sizes.h + r) * sizes.w + s) * sizes.c + c];
    }
    return 0.0;
}

fn line(image: u32, r: u32, s: u32, c: u32) -> vec4<f32> {
    return transform(vec4<f32>(
        pixel(image, r, s, c),
        pixel(image, r, s + 1u, c),
        pixel(image, r, s + 2u, c),
        pixel(image, r, s + 3u, c)));
}

// store writes row i of the transformed window, at its place in v[0].
fn store(at: u32, i: u32, u: vec4<f32>) {
    v[4u * i * sizes.n + at] = u.x;
    v[(4u * i + 1u) * sizes.n + at] = u.y;
    v[(4u * i + 2u) * sizes.n + at] = u.z;
    v[(4u * i + 3u) * sizes.n + at] = u.w;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = flat_index(global, groups, WG);
    if (at >= sizes.n) {
        return;
    }
    let c = at % sizes.c;
    let t = at / sizes.c;
    let s = t % sizes.tiles_w * 2u - sizes.pad_w;
    let r = t / sizes.tiles_w % sizes.tiles_h * 2u - sizes.pad_h;
    let image = t / (sizes.tiles_w * sizes.tiles_h);
    let r0 = line(image, r, s, c);
    let r1 = line(image, r + 1u, s, c);
    let r2 = line(image, r + 2u, s, c);
    let r3 = line(image, r + 3u, s, c);
    store(at, 0u, r0 - r2);
    store(at, 1u, r1 + r2);
    store(at, 2u, r2 - r1);
    store(at, 3u, r3 - r1);
}
