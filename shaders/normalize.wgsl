// normalize: y[o,i,c] = x[o,i,c] / max(sqrt(sum_j x[o,j,c]^2), eps)
//
//     binding 0  x  [O, N, C]  read
//     binding 1  y  [O, N, C]  write
//     binding 2  sizes
//
// An invocation computes a column [N]. Grid: flat(O*C).

//wgsl:import index

const WG = 64u;

struct Sizes { columns: u32, n: u32, c: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let column = flat_index(global, groups, WG);
    if (column >= sizes.columns) {
        return;
    }
    let first = column / sizes.c * sizes.n * sizes.c + column % sizes.c;
    let end = first + sizes.n * sizes.c;
    var sum = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = first; begin < end; begin += 64u * sizes.c) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u * sizes.c, end); i += sizes.c) {
            part += x[i] * x[i];
        }
        sum += part;
    }
    let scale = 1.0 / max(sqrt(sum), sizes.eps);
    for (var i = first; i < end; i += sizes.c) {
        y[i] = x[i] * scale;
    }
}
