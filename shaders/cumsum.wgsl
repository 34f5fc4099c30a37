// cumsum: y[o,i,c] = sum of x[o,j,c] over j <= i; by the choice, over j < i (EXCLUSIVE), or
//     over j >= i or j > i (REVERSE)
//
//     binding 0  x  [O, N, C]  read
//     binding 1  y  [O, N, C]  write
//     binding 2  sizes
//
// An invocation computes a column [N]. Grid: flat(O*C).

//wgsl:import index

// Choice.
const EXCLUSIVE = false;
const REVERSE = false;
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
    var sum = 0.0;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = 0u; begin < sizes.n; begin += 64u) {
        var part = 0.0;
        for (var k = begin; k < min(begin + 64u, sizes.n); k += 1u) {
            let at = first + select(k, sizes.n - 1u - k, REVERSE) * sizes.c;
            let v = x[at];
            if (EXCLUSIVE) {
                y[at] = sum + part;
            } else {
                y[at] = sum + (part + v);
            }
            part += v;
        }
        sum += part;
    }
}
