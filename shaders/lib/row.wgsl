// row_sum returns the sum of the values of a workgroup, to each of its WG invocations.
// row_max returns the largest. All invocations must call it. WG is a power of two.

//wgsl:import rows

var<workgroup> row_parts: array<f32, WG>;

fn row_sum(lane: u32, value: f32) -> f32 {
    row_parts[lane] = value;
    workgroupBarrier();
    for (var span = WG / 2u; span > 0u; span /= 2u) {
        if (lane < span) {
            row_parts[lane] += row_parts[lane + span];
        }
        workgroupBarrier();
    }
    let total = row_parts[0];
    workgroupBarrier();
    return total;
}

fn row_max(lane: u32, value: f32) -> f32 {
    row_parts[lane] = value;
    workgroupBarrier();
    for (var span = WG / 2u; span > 0u; span /= 2u) {
        if (lane < span) {
            row_parts[lane] = max(row_parts[lane], row_parts[lane + span]);
        }
        workgroupBarrier();
    }
    let largest = row_parts[0];
    workgroupBarrier();
    return largest;
}
