// conv2d_winograd43_input: v[p,t,c] = (Bᵀ d B)[p], where d is the 6x6 window of x for tile t of 4x4 outputs
//
//     binding 0  x  [B, H, W, C]  read
//     binding 1  v  [36, T, C]    write
//     binding 2  sizes
//
// The first third of Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308)
// with the points 0, ±3/4, ±3/2 and infinity, whose error is a third of that
// of 0, ±1, ±2. An invocation transforms one channel of one tile.
// Grid: flat(T*C).

//wgsl:import index

const WG = 64u;

struct Sizes { n: u32, h: u32, w: u32, c: u32, tiles_h: u32, tiles_w: u32, pad_h: u32, pad_w: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

struct Six { a: f32, b: f32, c: f32, d: f32, e: f32, f: f32 }

// transform is Bᵀ times a column.
fn transform(d: Six) -> Six {
    let even0 = d.e - 2.25 * d.c;
    let odd0 = 0.75 * d.d - 1.6875 * d.b;
    let even1 = d.e - 0.5625 * d.c;
    let odd1 = 1.5 * d.d - 0.84375 * d.b;
    return Six(
        1.265625 * d.a - 2.8125 * d.c + d.e,
        even0 + odd0,
        even0 - odd0,
        even1 + odd1,
        even1 - odd1,
        1.265625 * d.b - 2.8125 * d.d + d.f);
}

// pixel is zero beside the image, where an index has wrapped round.
fn pixel(image: u32, r: u32, s: u32, c: u32) -> f32 {
    if (r < sizes.h && s < sizes.w) {
        return x[((image * sizes.h + r) * sizes.w + s) * sizes.c + c];
    }
    return 0.0;
}

fn line(image: u32, r: u32, s: u32, c: u32) -> Six {
    return transform(Six(
        pixel(image, r, s, c),
        pixel(image, r, s + 1u, c),
        pixel(image, r, s + 2u, c),
        pixel(image, r, s + 3u, c),
        pixel(image, r, s + 4u, c),
        pixel(image, r, s + 5u, c)));
}

// store writes column j of the transformed window, at its place in v[0].
fn store(at: u32, j: u32, d: Six) {
    let u = transform(d);
    v[j * sizes.n + at] = u.a;
    v[(6u + j) * sizes.n + at] = u.b;
    v[(12u + j) * sizes.n + at] = u.c;
    v[(18u + j) * sizes.n + at] = u.d;
    v[(24u + j) * sizes.n + at] = u.e;
    v[(30u + j) * sizes.n + at] = u.f;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = flat_index(global, groups, WG);
    if (at >= sizes.n) {
        return;
    }
    let c = at % sizes.c;
    let t = at / sizes.c;
    let s = t % sizes.tiles_w * 4u - sizes.pad_w;
    let r = t / sizes.tiles_w % sizes.tiles_h * 4u - sizes.pad_h;
    let image = t / (sizes.tiles_w * sizes.tiles_h);
    let r0 = line(image, r, s, c);
    let r1 = line(image, r + 1u, s, c);
    let r2 = line(image, r + 2u, s, c);
    let r3 = line(image, r + 3u, s, c);
    let r4 = line(image, r + 4u, s, c);
    let r5 = line(image, r + 5u, s, c);
    store(at, 0u, Six(r0.a, r1.a, r2.a, r3.a, r4.a, r5.a));
    store(at, 1u, Six(r0.b, r1.b, r2.b, r3.b, r4.b, r5.b));
    store(at, 2u, Six(r0.c, r1.c, r2.c, r3.c, r4.c, r5.c));
    store(at, 3u, Six(r0.d, r1.d, r2.d, r3.d, r4.d, r5.d));
    store(at, 4u, Six(r0.e, r1.e, r2.e, r3.e, r4.e, r5.e));
    store(at, 5u, Six(r0.f, r1.f, r2.f, r3.f, r4.f, r5.f));
}
