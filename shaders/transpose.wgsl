// transpose: y[b, n, m] = x[b, m, n]
//
//     binding 0  x  [B, M, N]  read
//     binding 1  y  [B, N, M]  write
//     binding 2  sizes
//
// A workgroup of TILE x TILE invocations moves a tile through workgroup memory.
// Neighbouring invocations then read and write neighbouring elements. A spare column
// keeps reads down a column in different banks. Grid: (ceil(N/TILE), ceil(M/TILE), B).

const TILE = 16u;

struct Sizes { m: u32, n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> tile: array<f32, TILE * TILE + TILE>;

@compute @workgroup_size(TILE, TILE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let first = group.z * sizes.m * sizes.n;
    var n = group.x * TILE + local.x;
    var m = group.y * TILE + local.y;
    if (m < sizes.m && n < sizes.n) {
        tile[local.y * (TILE + 1u) + local.x] = x[first + m * sizes.n + n];
    }
    workgroupBarrier();
    n = group.x * TILE + local.y;
    m = group.y * TILE + local.x;
    if (m < sizes.m && n < sizes.n) {
        y[first + n * sizes.m + m] = tile[local.x * (TILE + 1u) + local.y];
    }
}
