// group_norm_held_vec4: y[b,p,c] = (x[b,p,c] - mean[b,g]) / sqrt(variance[b,g] + eps) * w[c] + bias[c], g = c / CG
//
//     binding 0  x     [B, P, C/4] of vec4  read
//     binding 1  w     [C/4] of vec4        read (HAS_WEIGHT)
//     binding 2  bias  [C/4] of vec4        read (HAS_BIAS)
//     binding 3  y     [B, P, C/4] of vec4  write
//     binding 4  sizes, where P is at most LINES*HELD
//
// A workgroup computes WIDTH vec4s of channels, which are whole groups. It reads them once:
// an invocation keeps HELD vec4s of one column, LINES places apart.
// Grid: flat(B*C/4/WIDTH), in workgroups.

//wgsl:import rows

// Choice: LINES is a power of two.
const WIDTH = 4u;
const LINES = 16u;
const HELD = 4u;
const HAS_WEIGHT = true;
const HAS_BIAS = true;
// Derived.
const WG = WIDTH * LINES;

struct Sizes { m: u32, places: u32, c4: u32, cg4: u32, eps: f32 } // m counts workgroups
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

var<workgroup> parts: array<array<f32, WIDTH>, LINES>;

// group_mean returns the mean of a group's numbers from the sum that each invocation has.
fn group_mean(line: u32, column: u32, sum: vec4<f32>) -> f32 {
    parts[line][column] = dot(sum, vec4<f32>(1.0));
    workgroupBarrier();
    for (var span = LINES / 2u; span > 0u; span /= 2u) {
        if (line < span) {
            parts[line][column] += parts[line + span][column];
        }
        workgroupBarrier();
    }
    let first = column / sizes.cg4 * sizes.cg4;
    var total = 0.0;
    for (var c = first; c < first + sizes.cg4; c += 1u) {
        total += parts[0][c];
    }
    workgroupBarrier();
    return total / f32(4u * sizes.places * sizes.cg4);
}

fn row(m: u32, lane: u32) {
    let line = lane / WIDTH;
    let column = lane % WIDTH;
    let per_image = sizes.c4 / WIDTH;
    let left = m % per_image * WIDTH;
    let first = m / per_image * sizes.places * sizes.c4 + left;
    var all: array<vec4<f32>, HELD>;
    for (var i = 0u; i < HELD; i += 1u) {
        all[i] = x[first + min(line + i * LINES, sizes.places - 1u) * sizes.c4 + column];
    }
    // Distances from the first number of the group are small where the mean is large.
    let origin = x[first + column / sizes.cg4 * sizes.cg4].x;
    var sum = vec4<f32>();
    for (var i = 0u; i < HELD; i += 1u) {
        all[i] -= origin;
        sum += select(vec4<f32>(), all[i], line + i * LINES < sizes.places);
    }
    let mean = group_mean(line, column, sum);
    sum = vec4<f32>();
    for (var i = 0u; i < HELD; i += 1u) {
        all[i] -= mean;
        sum += select(vec4<f32>(), all[i] * all[i], line + i * LINES < sizes.places);
    }
    var scale = vec4<f32>(1.0 / sqrt(group_mean(line, column, sum) + sizes.eps));
    var shift = vec4<f32>();
    if (HAS_WEIGHT) {
        scale *= w[left + column];
    }
    if (HAS_BIAS) {
        shift = bias[left + column];
    }
    for (var i = 0u; i < HELD; i += 1u) {
        let place = line + i * LINES;
        if (place < sizes.places) {
            y[first + place * sizes.c4 + column] = all[i] * scale + shift;
        }
    }
}
