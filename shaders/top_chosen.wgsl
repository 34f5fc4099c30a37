// top_chosen: chosen[o,c] = the places i of the K elements x[o,i,c] that come first in stable order
//
//     binding 0  x       [O, N, C]    read
//     binding 1  chosen  [O, C, K]    write
//     binding 2  sizes
//
// The order is ascending, or descending with DESCENDING. A NaN is larger than all numbers.
// The places of those before the K-th element come first, then those of its equals, each
// in ascending order: where keys are equal, that is stable. A workgroup looks at a column
// [N]. It finds the K-th key byte by byte, by counting how many keys have each value of a
// byte, and then lists the places. Grid: flat(O*C), in workgroups.

//wgsl:import key

// Choice.
const DESCENDING = true;
const WG = 64u;

struct Sizes { columns: u32, n: u32, c: u32, k: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> chosen: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> count: array<atomic<u32>, 256>;
var<workgroup> prefix: u32; // of the K-th key
var<workgroup> wanted: u32; // of its equals
var<workgroup> larger: array<u32, WG>;
var<workgroup> equal: array<u32, WG>;

// place of a key: the first has the largest.
fn order(v: f32) -> u32 {
    return select(~key(v), key(v), DESCENDING);
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // A workgroup beyond the last column repeats it.
    let column = min(group.y * groups.x + group.x, sizes.columns - 1u);
    let first = column / sizes.c * sizes.n * sizes.c + column % sizes.c;
    if (lane == 0u) {
        prefix = 0u;
        wanted = sizes.k;
    }
    for (var turn = 0u; turn < 4u; turn += 1u) {
        let shift = 24u - 8u * turn;
        for (var b = lane; b < 256u; b += WG) {
            atomicStore(&count[b], 0u);
        }
        workgroupBarrier();
        for (var i = lane; i < sizes.n; i += WG) {
            let at = order(x[first + i * sizes.c]);
            // Two shifts, since one by 32 is none.
            if (((at ^ prefix) >> shift) >> 8u == 0u) {
                atomicAdd(&count[(at >> shift) & 255u], 1u);
            }
        }
        workgroupBarrier();
        if (lane == 0u) {
            var left = wanted;
            var b = 255u;
            loop {
                let some = atomicLoad(&count[b]);
                if (some >= left || b == 0u) {
                    break;
                }
                left -= some;
                b -= 1u;
            }
            prefix = prefix | (b << shift);
            wanted = left;
        }
        workgroupBarrier();
    }
    let part = (sizes.n + WG - 1u) / WG;
    let begin = lane * part;
    let end = min(begin + part, sizes.n);
    var more = 0u;
    var same = 0u;
    for (var i = begin; i < end; i += 1u) {
        let at = order(x[first + i * sizes.c]);
        more += select(0u, 1u, at > prefix);
        same += select(0u, 1u, at == prefix);
    }
    larger[lane] = more;
    equal[lane] = same;
    workgroupBarrier();
    more = 0u;
    same = 0u;
    for (var l = 0u; l < lane; l += 1u) {
        more += larger[l];
        same += equal[l];
    }
    let to = column * sizes.k;
    for (var i = begin; i < end; i += 1u) {
        let at = order(x[first + i * sizes.c]);
        if (at > prefix) {
            chosen[to + more] = f32(i);
            more += 1u;
        }
        if (at == prefix) {
            if (same < wanted) {
                chosen[to + sizes.k - wanted + same] = f32(i);
            }
            same += 1u;
        }
    }
}
