// sum_lanes(t, sum) adds up what the LANES neighbours that share a column hold
// and gives each of them the total; row_of picks a row's component.

// Choice: 1, or up to 4 rows.
const ROWS = 4u;
const LANES = 32u;
const COLUMNS = 4u;
// Derived.
const WG = LANES * COLUMNS;
const HALF = LANES / 2u;

var<workgroup> sums: array<vec4<f32>, WG>;

fn sum_lanes(t: u32, sum: vec4<f32>) -> vec4<f32> {
    let lane = t % LANES;
    sums[t] = sum;
    workgroupBarrier();
    for (var apart = HALF; apart > 0u; apart /= 2u) {
        if (lane < apart) {
            sums[t] += sums[t + apart];
        }
        workgroupBarrier();
    }
    return sums[t - lane];
}

fn row_of(total: vec4<f32>, row: u32) -> f32 {
    if (row == 0u) { return total.x; }
    if (row == 1u) { return total.y; }
    if (row == 2u) { return total.z; }
    return total.w;
}
