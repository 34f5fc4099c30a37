// top_rank: r(p) = the number of q with x[o,i(q),c] before x[o,i(p),c] in stable order, i = chosen[o,c]; by OUT
//     0, places:    y[o,r(p),c] = i(p)
//     1, elements:  y[o,r(p),c] = x[o,i(p),c]
//
//     binding 0  x       [O, N, C]  read
//     binding 1  chosen  [O, C, K]  read
//     binding 2  y       [O, K, C]  write
//     binding 3  sizes
//
// The order is ascending, or descending with DESCENDING. A NaN is larger than all
// numbers. A workgroup computes WG neighbouring ranks of one column.
// Grid: flat(O*C * ceil(K/WG)), in workgroups.

//wgsl:import key

// Choice.
const DESCENDING = true;
const OUT = 0u;
const WG = 64u;

struct Sizes { columns: u32, blocks: u32, n: u32, c: u32, k: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> chosen: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = group.y * groups.x + group.x;
    let column = at / sizes.blocks;
    let p = at % sizes.blocks * WG + lane;
    if (column >= sizes.columns || p >= sizes.k) {
        return;
    }
    let outer = column / sizes.c;
    let c = column % sizes.c;
    let first = outer * sizes.n * sizes.c + c;
    let place = chosen[column * sizes.k + p];
    let value = x[first + u32(place) * sizes.c];
    let mine = key(value);
    var rank = 0u;
    for (var q = 0u; q < sizes.k; q += 1u) {
        let other = key(x[first + u32(chosen[column * sizes.k + q]) * sizes.c]);
        let before = select((other < mine), (other > mine), DESCENDING);
        rank += select(0u, 1u, before || (other == mine && q < p));
    }
    y[(outer * sizes.k + rank) * sizes.c + c] = select(value, place, OUT == 0u);
}
