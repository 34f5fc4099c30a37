// rel_pos_table: y[i, j, d] = table[floor(i*stretch_q - j*stretch_k + offset), d]
//
//     binding 0  table  [L, D]     read
//     binding 1  y      [Q, K, D]  write
//     binding 2  sizes
//
// With RESAMPLE the table is first resized from L to ROWS rows, linearly and with its
// outer edges in place. An invocation computes one element. Grid: flat(Q*K*D).

//wgsl:import index

// Choice.
const RESAMPLE = false;
const WG = 64u;

struct Sizes { n: u32, k: u32, d: u32, l: u32, rows: u32, stretch_q: f32, stretch_k: f32, offset: f32 }
@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let d = i % sizes.d;
    let key = i / sizes.d % sizes.k;
    let query = i / (sizes.d * sizes.k);
    // The sum is truncated, so its rounding matters. The bounds never apply. They keep a
    // compiler from fusing a product and a sum.
    let bound = f32(2u * sizes.rows);
    let a = min(f32(query) * sizes.stretch_q, bound);
    let b = min(f32(key) * sizes.stretch_k, bound);
    let at = u32(a - b + sizes.offset);
    if (!RESAMPLE) {
        y[i] = table[at * sizes.d + d];
        return;
    }
    let position = max((f32(at) + 0.5) * f32(sizes.l) / f32(sizes.rows) - 0.5, 0.0);
    let lo = min(u32(position), sizes.l - 1u);
    let hi = min(lo + 1u, sizes.l - 1u);
    let share = position - f32(lo);
    y[i] = table[lo * sizes.d + d] * (1.0 - share) + table[hi * sizes.d + d] * share;
}
