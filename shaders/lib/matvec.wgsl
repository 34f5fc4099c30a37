// sum_lanes adds up the sums of the LANES neighbours that share a column, and returns
// the total to each of them. row_of returns the component of a row.

// Choice: ROWS is 4, or 1 if M is 1.
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
