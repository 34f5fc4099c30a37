// reduce_column: y[o,c] = mean, sum, max, min or product over i of x[o,i,c]
//
//     binding 0  x  [O, N, C/4] of vec4  read
//     binding 1  y  [O, C/4] of vec4     write
//     binding 2  sizes
//
// A workgroup computes COLUMNS neighbouring vectors of y. SLICES invocations share the
// rows of each. Grid: flat(O * ceil(C/4/COLUMNS)), in workgroups.

// Choice: 0 mean, 1 sum, 2 max, 3 min, 4 product; SLICES is a power of two.
const KIND = 0u;
const COLUMNS = 16u;
const SLICES = 16u;

// Derived.
const WG = COLUMNS * SLICES;

struct Sizes { o: u32, n: u32, c4: u32, blocks: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> parts: array<vec4<f32>, WG>;

// keep returns y, or NaN where v is NaN, which max and min may drop.
fn keep(y: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(v);
    return select(y, v, (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}

fn join(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    if (KIND == 2u) {
        return keep(keep(max(a, b), a), b);
    }
    if (KIND == 3u) {
        return keep(keep(min(a, b), a), b);
    }
    if (KIND == 4u) {
        return a * b;
    }
    return a + b;
}

@compute @workgroup_size(COLUMNS, SLICES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let at = group.y * groups.x + group.x;
    let outer = at / sizes.blocks;
    if (outer >= sizes.o) {
        return;
    }
    let column = at % sizes.blocks * COLUMNS + local.x;
    // Invocations beyond the last column repeat it: a barrier needs all of them.
    let first = outer * sizes.n * sizes.c4 + min(column, sizes.c4 - 1u);
    var none = vec4<f32>(0.0);
    if (KIND >= 2u) {
        none = x[first];
    }
    if (KIND == 4u) {
        none = vec4<f32>(1.0);
    }
    var result = none;
    // Sums of sums of 64 round less than one long sum.
    for (var begin = local.y; begin < sizes.n; begin += 64u * SLICES) {
        var part = none;
        for (var i = begin; i < min(begin + 64u * SLICES, sizes.n); i += SLICES) {
            part = join(part, x[first + i * sizes.c4]);
        }
        result = join(result, part);
    }
    if (SLICES > 1u) {
        let lane = local.y * COLUMNS + local.x;
        parts[lane] = result;
        workgroupBarrier();
        for (var span = SLICES / 2u; span > 0u; span /= 2u) {
            if (local.y < span) {
                parts[lane] = join(parts[lane], parts[lane + span * COLUMNS]);
            }
            workgroupBarrier();
        }
        result = parts[local.x];
    }
    if (KIND == 0u) {
        result /= f32(sizes.n);
    }
    if (local.y == 0u && column < sizes.c4) {
        y[outer * sizes.c4 + column] = result;
    }
}
