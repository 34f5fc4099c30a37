// scores: the sizes of attention kernels, and what they add to the products of queries
// and keys.

// Choice.
const BIASES = 0u;
const REL = false;
const CAUSAL = false;

// LOWEST is the largest score of no keys. No finite score is lower.
const LOWEST = -3.4028234e38;

struct Sizes {
    b: u32, h: u32, n: u32, m: u32, d: u32, dv: u32,
    q_first: u32, q_stride: u32, k_first: u32, k_stride: u32, v_first: u32, v_stride: u32,
    bias1_b: u32, bias1_h: u32, bias1_n: u32, bias1_m: u32,
    bias2_b: u32, bias2_h: u32, bias2_n: u32, bias2_m: u32,
    kh: u32, kw: u32, scale: f32,
    head: u32, first: u32, keys: u32, // of a pane, for attention_pane
}

// keys_of returns how many keys query n sees.
fn keys_of(n: u32) -> u32 {
    if (CAUSAL) {
        return min(n + 1u, sizes.m);
    }
    return sizes.m;
}

// added returns the sum of the biases of one score.
fn added(b: u32, h: u32, n: u32, m: u32) -> f32 {
    var sum = 0.0;
    if (BIASES > 0u) {
        sum += bias1[b * sizes.bias1_b + h * sizes.bias1_h + n * sizes.bias1_n + m * sizes.bias1_m];
    }
    if (BIASES > 1u) {
        sum += bias2[b * sizes.bias2_b + h * sizes.bias2_h + n * sizes.bias2_n + m * sizes.bias2_m];
    }
    if (REL) {
        let row = (b * sizes.h + h) * sizes.n + n;
        // m / kw in floats, which is right for m below 2^20. CPUs divide integers one by one.
        let down = u32((f32(m) + 0.5) / f32(sizes.kw));
        sum += rel_h[row * sizes.kh + down] + rel_w[row * sizes.kw + m - down * sizes.kw];
    }
    return sum;
}

// weight returns exp(s - largest), or 0 for a score of -inf. The total of a row
// that is masked throughout is thus 0, and the row becomes NaN.
fn weight(s: f32, largest: f32) -> f32 {
    return select(exp(s - largest), 0.0, s < LOWEST);
}
