// softmax: y[o,i,c] = exp(x[o,i,c] - m) / sum_j exp(x[o,j,c] - m), m = max_j x[o,j,c]
//     with LOG the logarithm of that (log_softmax)
//
//     binding 0  x  [O, N, C]  read
//     binding 1  y  [O, N, C]  write
//     binding 2  sizes
//
// An invocation computes a column [N] in three passes: largest, sum, result.
// Grid: flat(O*C).

//wgsl:import index

// Choice.
const LOG = false;
const WG = 64u;

struct Sizes { columns: u32, n: u32, c: u32 }
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
    var largest = x[first];
    for (var i = first; i < end; i += sizes.c) {
        largest = max(largest, x[i]);
    }
    var sum = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = first; begin < end; begin += 64u * sizes.c) {
        var part = 0.0;
        for (var i = begin; i < min(begin + 64u * sizes.c, end); i += sizes.c) {
            part += exp(x[i] - largest);
        }
        sum += part;
    }
    if (LOG) {
        let log_sum = log(sum);
        for (var i = first; i < end; i += sizes.c) {
            y[i] = x[i] - largest - log_sum;
        }
    } else {
        for (var i = first; i < end; i += sizes.c) {
            y[i] = exp(x[i] - largest) / sum;
        }
    }
}
