// conv2d_winograd43_output: y[b,i,j,o] = act((Aᵀ m[t,o] A)[i%4,j%4] + bias[o] + residual[b,i,j,o])
//
//     binding 0  m         [36, T, O]        read
//     binding 1  bias      [O]               read (HAS_BIAS)
//     binding 2  residual  [B, OH, OW, O]    read (HAS_RESIDUAL)
//     binding 3  y         [B, OH, OW, O]    write
//     binding 4  sizes
//
// The last third of Winograd's F(4x4, 3x3), with the points of
// conv2d_winograd43_input. An invocation computes one channel of one tile of
// 4x4 outputs. Grid: flat(T*O).

//wgsl:import activation
//wgsl:import index

// Choice.
const HAS_BIAS = false;
const HAS_RESIDUAL = false;
const WG = 64u;

struct Sizes { n: u32, oh: u32, ow: u32, o: u32, tiles_h: u32, tiles_w: u32 }
@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

// line is row i of m times A.
fn line(at: u32, i: u32) -> vec4<f32> {
    let first = 6u * i * sizes.n + at;
    let m1 = m[first + sizes.n];
    let m2 = m[first + 2u * sizes.n];
    let m3 = m[first + 3u * sizes.n];
    let m4 = m[first + 4u * sizes.n];
    return vec4<f32>(
        m[first] + (m1 + m2) + (m3 + m4),
        0.75 * (m1 - m2) + 1.5 * (m3 - m4),
        0.5625 * (m1 + m2) + 2.25 * (m3 + m4),
        0.421875 * (m1 - m2) + 3.375 * (m3 - m4) + m[first + 5u * sizes.n]);
}

fn store(image: u32, i: u32, j: u32, o: u32, sum: f32) {
    if (i >= sizes.oh || j >= sizes.ow) {
        return;
    }
    let at = ((image * sizes.oh + i) * sizes.ow + j) * sizes.o + o;
    var v = sum;
    if (HAS_BIAS) {
        v += bias[o];
    }
    if (HAS_RESIDUAL) {
        v += residual[at];
    }
    y[at] = activate(v);
}

fn store4(image: u32, i: u32, j: u32, o: u32, sums: vec4<f32>) {
    store(image, i, j, o, sums.x);
    store(image, i, j + 1u, o, sums.y);
    store(image, i, j + 2u, o, sums.z);
    store(image, i, j + 3u, o, sums.w);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = flat_index(global, groups, WG);
    if (at >= sizes.n) {
        return;
    }
    let o = at % sizes.o;
    let t = at / sizes.o;
    let j = t % sizes.tiles_w * 4u;
    let i = t / sizes.tiles_w % sizes.tiles_h * 4u;
    let image = t / (sizes.tiles_w * sizes.tiles_h);
    let l0 = line(at, 0u);
    let l1 = line(at, 1u);
    let l2 = line(at, 2u);
    let l3 = line(at, 3u);
    let l4 = line(at, 4u);
    let l5 = line(at, 5u);
    let p0 = l1 + l2;
    let q0 = l1 - l2;
    let p1 = l3 + l4;
    let q1 = l3 - l4;
    store4(image, i, j, o, l0 + p0 + p1);
    store4(image, i + 1u, j, o, 0.75 * q0 + 1.5 * q1);
    store4(image, i + 2u, j, o, 0.5625 * p0 + 2.25 * p1);
    store4(image, i + 3u, j, o, 0.421875 * q0 + 3.375 * q1 + l5);
}
