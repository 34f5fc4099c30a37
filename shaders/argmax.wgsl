// argmax: y[o,c] = the first i at which x[o,i,c] is largest; by the choice, the last i, or
//     where it is smallest
//
//     binding 0  x  [O, N, C]  read
//     binding 1  y  [O, C]     write
//     binding 2  sizes
//
// An invocation computes one index. Grid: flat(O*C).

//wgsl:import index

// Choice.
const MIN = false;
const LAST = false;
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
    var largest = x[first];
    var best = 0u;
    for (var i = 1u; i < sizes.n; i += 1u) {
        let v = x[first + i * sizes.c];
        if (select((v > largest), (v < largest), MIN) || (LAST && v == largest)) {
            largest = v;
            best = i;
        }
    }
    y[column] = f32(best);
}
