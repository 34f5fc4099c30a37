// conv2d_winograd43_input: v[p,q,t,c] = sum_ij BT[p,i] * x_t[i,j,c] * BT[q,j],
//     x_t is tile t of x
//
//     binding 0  x  [B, H, W, C/4] of vec4      read
//     binding 1  v  [6, 6, TILES, C/4] of vec4  write
//     binding 2  sizes
//
// A tile is 6 x 6 pixels of x with its padding, and tiles lie 4 pixels apart. There are
// TILES = B * tiles_h * tiles_w. BT is the matrix of F(4x4, 3x3) for inputs. An
// invocation computes four channels of a tile. Grid: flat(TILES * C/4).

//wgsl:import index
//wgsl:import winograd_input

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

struct Six {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
    e: vec4<f32>,
    f: vec4<f32>,
}

// transformed returns BT * x.
fn transformed(x: Six) -> Six {
    let even = x.e - 2.25 * x.c;
    let odd = 0.75 * x.d - 1.6875 * x.b;
    let far_even = x.e - 0.5625 * x.c;
    let far_odd = 1.5 * x.d - 0.84375 * x.b;
    return Six(
        1.265625 * x.a - 2.8125 * x.c + x.e,
        even + odd,
        even - odd,
        far_even + far_odd,
        far_even - far_odd,
        1.265625 * x.b - 2.8125 * x.d + x.f,
    );
}

// row returns row i of x * B, of the tile at j.
fn row(image: i32, i: i32, j: i32, c: u32) -> Six {
    return transformed(Six(
        load(image, i, j, c),
        load(image, i, j + 1, c),
        load(image, i, j + 2, c),
        load(image, i, j + 3, c),
        load(image, i, j + 4, c),
        load(image, i, j + 5, c),
    ));
}

// store writes a column of BT * x * B.
fn store(to: u32, column: Six) {
    let down = 6u * sizes.tiles * sizes.c4;
    let y = transformed(column);
    v[to] = y.a;
    v[to + down] = y.b;
    v[to + 2u * down] = y.c;
    v[to + 3u * down] = y.d;
    v[to + 4u * down] = y.e;
    v[to + 5u * down] = y.f;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 64u);
    let c = id % sizes.c4;
    let tile = id / sizes.c4;
    if (tile >= sizes.tiles) {
        return;
    }
    let image = i32(tile / (sizes.tiles_h * sizes.tiles_w));
    let i = i32(tile / sizes.tiles_w % sizes.tiles_h * 4u) - i32(sizes.pad_h);
    let j = i32(tile % sizes.tiles_w * 4u) - i32(sizes.pad_w);
    let r0 = row(image, i, j, c);
    let r1 = row(image, i + 1, j, c);
    let r2 = row(image, i + 2, j, c);
    let r3 = row(image, i + 3, j, c);
    let r4 = row(image, i + 4, j, c);
    let r5 = row(image, i + 5, j, c);
    let across = sizes.tiles * sizes.c4;
    store(id, Six(r0.a, r1.a, r2.a, r3.a, r4.a, r5.a));
    store(id + across, Six(r0.b, r1.b, r2.b, r3.b, r4.b, r5.b));
    store(id + 2u * across, Six(r0.c, r1.c, r2.c, r3.c, r4.c, r5.c));
    store(id + 3u * across, Six(r0.d, r1.d, r2.d, r3.d, r4.d, r5.d));
    store(id + 4u * across, Six(r0.e, r1.e, r2.e, r3.e, r4.e, r5.e));
    store(id + 5u * across, Six(r0.f, r1.f, r2.f, r3.f, r4.f, r5.f));
}
