// attention_merge: y[b,n,h] = sum_s w[s] * part[s,b,n,h] / sum_s w[s] * total[s],
//     w[s] = exp(largest[s] - max_s largest[s])
//
//     binding 0  part  [SPLITS, B, N, H, DV+1] of vec4  read
//     binding 1  y     [B, N, H, DV] of vec4            write
//     binding 2  sizes, where dv counts vec4s and rows are B*N*H
//
// The kernel joins what attention_flash computed of parts of the keys. Behind the sums of
// each head are their largest score and their total. An invocation computes one vec4.
// Grid: flat(B*N*H*DV).

//wgsl:import index

const WG = 64u;

struct Sizes { rows: u32, dv: u32, splits: u32 }
@group(0) @binding(0) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.rows * sizes.dv) {
        return;
    }
    let width = sizes.dv + 1u;
    let row = i / sizes.dv;
    let column = i - row * sizes.dv;
    var sum = vec4<f32>(0.0);
    var total = 0.0;
    var largest = -3.4028234e38;
    for (var s = 0u; s < sizes.splits; s += 1u) {
        let at = (s * sizes.rows + row) * width;
        let state = part[at + sizes.dv];
        let before = largest;
        largest = max(largest, state.x);
        let shrink = exp(before - largest);
        let w = exp(state.x - largest);
        sum = sum * shrink + part[at + column] * w;
        total = total * shrink + state.y * w;
    }
    y[i] = sum / total;
}
