// rank: r(i) = the number of x[o,j,c] before x[o,i,c] in stable order; by OUT
//     0, argsort:  y[o,r(i),c] = i         for r(i) < K
//     1, topk:     y[o,r(i),c] = x[o,i,c]  for r(i) < K
//     2, inverse:  y[o,i,c] = r(i)
//
//     binding 0  x  [O, N, C]  read
//     binding 1  y  [O, K, C]  write (OUT 2: K is N)
//     binding 2  sizes
//
// The order is ascending, or descending with DESCENDING. A NaN is larger than all
// numbers. A workgroup computes WG neighbouring ranks of one column [N].
// Grid: flat(O*C * ceil(N/WG)), in workgroups.

//wgsl:import key

// Choice.
const DESCENDING = false;
const OUT = 0u;
const WG = 64u;

struct Sizes { columns: u32, blocks: u32, n: u32, c: u32, k: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = group.y * groups.x + group.x;
    let column = at / sizes.blocks;
    let i = at % sizes.blocks * WG + lane;
    if (column >= sizes.columns || i >= sizes.n) {
        return;
    }
    let outer = column / sizes.c;
    let c = column % sizes.c;
    let first = outer * sizes.n * sizes.c + c;
    let value = x[first + i * sizes.c];
    let mine = key(value);
    var rank = 0u;
    for (var j = 0u; j < sizes.n; j += 1u) {
        let other = key(x[first + j * sizes.c]);
        let before = select((other < mine), (other > mine), DESCENDING);
        rank += select(0u, 1u, before || (other == mine && j < i));
    }
    if (OUT == 2u) {
        y[first + i * sizes.c] = f32(rank);
    } else if (rank < sizes.k) {
        y[(outer * sizes.k + rank) * sizes.c + c] = select(value, f32(i), OUT == 0u);
    }
}
