// conv2d_winograd23_output: y[b,i,j,o] = act((Aᵀ m[t,o] A)[i%2,j%2] + bias[o] + residual[b,i,j,o])
//
//     binding 0  m         [16, T, O]        read
//     binding 1  bias      [O]               read (HAS_BIAS)
//     binding 2  residual  [B, OH, OW, O]    read (HAS_RESIDUAL)
//     binding 3  y         [B, OH, OW, O]    write
//     binding 4  sizes
//
// The last third of Winograd's F(2x2, 3x3). An invocation computes one channel
// of one tile of 2x2 outputs. Grid: flat(T*O).

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
fn line(at: u32, i: u32) -> vec2<f32> {
    let first = 4u * i * sizes.n + at;
    let m1 = m[first + sizes.n];
    let m2 = m[first + 2u * sizes.n];
    return vec2<f32>(m[first] + m1 + m2, m1 - m2 + m[first + 3u * sizes.n]);
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

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = flat_index(global, groups, WG);
    if (at >= sizes.n) {
        return;
    }
    let o = at % sizes.o;
    let t = at / sizes.o;
    let j = t % sizes.tiles_w * 2u;
    let i = t / sizes.tiles_w % sizes.tiles_h * 2u;
    let image = t / (sizes.tiles_w * sizes.tiles_h);
    let l0 = line(at, 0u);
    let l1 = line(at, 1u);
    let l2 = line(at, 2u);
    let l3 = line(at, 3u);
    let above = l0 + l1 + l2;
    let below = l1 - l2 + l3;
    store(image, i, j, o, above.x);
    store(image, i, j + 1u, o, above.y);
    store(image, i + 1u, j, o, below.x);
    store(image, i + 1u, j + 1u, o, below.y);
}
