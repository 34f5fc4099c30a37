// cumsum_row: y[m,i] = sum of x[m,j] over j <= i; by the choice, over j < i (EXCLUSIVE), or
//     over j >= i or j > i (REVERSE)
//
//     binding 0  x  [M, N]  read
//     binding 1  y  [M, N]  write
//     binding 2  sizes
//
// A workgroup computes a row, WG elements at a time. Grid: flat(M), in workgroups.

//wgsl:import rows

// Choice: WG is a power of two.
const EXCLUSIVE = false;
const REVERSE = false;
const WG = 64u;

struct Sizes { m: u32, n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> sums: array<f32, WG>;

fn row(m: u32, lane: u32) {
    var before = 0.0;
    for (var begin = 0u; begin < sizes.n; begin += WG) {
        let k = begin + lane;
        let at = m * sizes.n + select(k, sizes.n - 1u - k, REVERSE);
        var v = 0.0;
        if (k < sizes.n) {
            v = x[at];
        }
        sums[lane] = v;
        workgroupBarrier();
        for (var span = 1u; span < WG; span *= 2u) {
            var more = 0.0;
            if (lane >= span) {
                more = sums[lane - span];
            }
            workgroupBarrier();
            sums[lane] += more;
            workgroupBarrier();
        }
        if (k < sizes.n) {
            if (EXCLUSIVE) {
                if (lane > 0u) {
                    y[at] = before + sums[lane - 1u];
                } else {
                    y[at] = before;
                }
            } else {
                y[at] = before + sums[lane];
            }
        }
        before += sums[WG - 1u];
        workgroupBarrier();
    }
}
