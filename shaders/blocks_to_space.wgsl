// blocks_to_space: y[b, i*KH+u, j*KW+v, o] = act(t[b,i,j,u,v,o] + bias[o] + residual[b,i*KH+u,j*KW+v,o])
//
//     binding 0  t         [B, H, W, KH, KW, O]    read
//     binding 1  bias      [O]                     read (HAS_BIAS)
//     binding 2  residual  [B, H*KH, W*KW, O]      read (HAS_RESIDUAL)
//     binding 3  y         [B, H*KH, W*KW, O]      write
//     binding 4  sizes
//
// The second half of a transposed convolution whose windows neither overlap
// nor leave gaps. An invocation moves one element, in the order of y.
// Grid: flat(N).

//wgsl:import activation
//wgsl:import index

// Choice.
const HAS_BIAS = false;
const HAS_RESIDUAL = false;
const WG = 64u;

struct Sizes { n: u32, w: u32, o: u32, kh: u32, kw: u32 }
@group(0) @binding(0) var<storage, read> t: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = flat_index(global, groups, WG);
    if (index >= sizes.n) {
        return;
    }
    let o = index % sizes.o;
    let column = index / sizes.o % (sizes.w * sizes.kw);
    let line = index / (sizes.o * sizes.w * sizes.kw); // of all images, one below the other
    let block = line / sizes.kh * sizes.w + column / sizes.kw;
    var v = t[((block * sizes.kh + line % sizes.kh) * sizes.kw + column % sizes.kw) * sizes.o + o];
    if (HAS_BIAS) {
        v += bias[o];
    }
    if (HAS_RESIDUAL) {
        v += residual[index];
    }
    y[index] = activate(v);
}
