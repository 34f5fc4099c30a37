// reduce: y[k0,k1,k2] = mean, sum, max, min or product over r0, r1, r2 of
//     x[k0*kept0 + k1*kept1 + k2*kept2 + r0*step0 + r1*step1 + r2*step2]
//
//     binding 0  x  any shape     read
//     binding 1  y  [K0, K1, K2]  write
//     binding 2  sizes
//
// Kept and reduced dimensions alternate. The caller joins neighbours of one kind, so
// three of each are enough for six dimensions. An invocation computes one element.
// Grid: flat(K0*K1*K2).

//wgsl:import index

// Choice: 0 mean, 1 sum, 2 max, 3 min, 4 product.
const KIND = 0u;
const WG = 64u;

struct Sizes {
    n: u32, k1: u32, k2: u32, kept0: u32, kept1: u32, kept2: u32,
    r0: u32, r1: u32, r2: u32, step0: u32, step1: u32, step2: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// keep returns y, or NaN where v is NaN, which max and min may drop.
fn keep(y: f32, v: f32) -> f32 {
    let bits = bitcast<u32>(v);
    return select(y, v, (bits & u32(0x7fffffffu)) > u32(0x7f800000u));
}

fn join(a: f32, b: f32) -> f32 {
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

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let k2 = i % sizes.k2;
    let k1 = i / sizes.k2 % sizes.k1;
    let k0 = i / (sizes.k2 * sizes.k1);
    let first = k0 * sizes.kept0 + k1 * sizes.kept1 + k2 * sizes.kept2;
    var none = select(x[first], 0.0, KIND < 2u);
    if (KIND == 4u) {
        none = 1.0;
    }
    var result = none;
    for (var r0 = 0u; r0 < sizes.r0; r0 += 1u) {
        for (var r1 = 0u; r1 < sizes.r1; r1 += 1u) {
            let at = first + r0 * sizes.step0 + r1 * sizes.step1;
            // Sums of sums of 64 round less than one long sum.
            for (var begin = 0u; begin < sizes.r2; begin += 64u) {
                var part = none;
                for (var r2 = begin; r2 < min(begin + 64u, sizes.r2); r2 += 1u) {
                    part = join(part, x[at + r2 * sizes.step2]);
                }
                result = join(result, part);
            }
        }
    }
    if (KIND == 0u) {
        result /= f32(sizes.r0 * sizes.r1 * sizes.r2);
    }
    y[i] = result;
}
