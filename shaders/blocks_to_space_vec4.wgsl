// blocks_to_space_vec4: y[b, i*KH+u, j*KW+v, o] = act(t[b,i,j,u,v,o] + bias[o] + residual[b,i*KH+u,j*KW+v,o])
//
//     binding 0  t         [B, H, W, KH, KW, O/4] of vec4    read
//     binding 1  bias      [O/4] of vec4                     read (HAS_BIAS)
//     binding 2  residual  [B, H*KH, W*KW, O/4] of vec4      read (HAS_RESIDUAL)
//     binding 3  y         [B, H*KH, W*KW, O/4] of vec4      write
//     binding 4  sizes
//
// blocks_to_space where four divides O; an invocation moves four channels.
// Grid: flat(N/4).

//wgsl:import activation
//wgsl:import index

// Choice.
const HAS_BIAS = false;
const HAS_RESIDUAL = false;
const WG = 64u;

struct Sizes { n4: u32, w: u32, o4: u32, kh: u32, kw: u32 }
@group(0) @binding(0) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n4) {
        return;
    }
    let o = index % sizes.o4;
    let column = index / sizes.o4 % (sizes.w * sizes.kw);
    let line = index / (sizes.o4 * sizes.w * sizes.kw); // of all images, one below the other
    let block = line / sizes.kh * sizes.w + column / sizes.kw;
    var v = t[((block * sizes.kh + line % sizes.kh) * sizes.kw + column % sizes.kw) * sizes.o4 + o];
    if (HAS_BIAS) {
        v += bias[o];
    }
    if (HAS_RESIDUAL) {
        v += residual[index];
    }
    y[index] = activate4(v);
}
