// activate returns the activation numbered ACT, in the order of graph.Activation.
// activate4 does so for four numbers.
const ACT = 0u;

// erf is by Abramowitz and Stegun 7.1.26, within 1.5e-7.
fn erf(x: f32) -> f32 {
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let y = 1.0 - p * exp(-a * a);
    return select(y, -y, x < 0.0);
}

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-x));
}

// safe_tanh clamps, because some drivers' tanh overflows. Beyond 9 it is 1 in f32. Near
// 0, where terms cancel, it is a series.
fn safe_tanh(x: f32) -> f32 {
    let s = x * x;
    let near = x * (1.0 - s * (0.33333334 - s * (0.13333334 - s * 0.053968254)));
    return select(tanh(clamp(x, -9.0, 9.0)), near, s < 0.04);
}

// exp_minus_1(x) is for x up to 0. Near 0, where terms cancel, it is a series.
fn exp_minus_1(x: f32) -> f32 {
    let near = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * 0.008333334))));
    return select(exp(x) - 1.0, near, x > -0.2);
}

// log_1_plus(x) is for x from 0 to 1. Near 0, where terms cancel, it is a series.
fn log_1_plus(x: f32) -> f32 {
    return select(log(1.0 + x), x * (1.0 - x * (0.5 - x * 0.33333334)), x < 0.02);
}

fn activate(x: f32) -> f32 {
    if (ACT == 1u) { return select(x, 0.0, (x < 0.0)); }
    if (ACT == 2u) { return clamp(x, 0.0, 6.0); }
    if (ACT == 3u) { return select(0.01 * x, x, x > 0.0); }
    if (ACT == 4u) { return sigmoid(x); }
    if (ACT == 5u) { return safe_tanh(x); }
    if (ACT == 6u) { return x * sigmoid(x); }
    if (ACT == 7u) { return x * clamp(x + 3.0, 0.0, 6.0) * 0.16666667; }
    if (ACT == 8u) { return select(exp_minus_1(min(x, 0.0)), x, x > 0.0); }
    if (ACT == 9u) { return max(x, 0.0) + log_1_plus(exp(-abs(x))); }
    if (ACT == 10u) { return 0.5 * x * (1.0 + erf(x * 0.70710678)); }
    if (ACT == 11u) { return 0.5 * x * (1.0 + safe_tanh(0.79788456 * (x + 0.044715 * x * x * x))); }
    if (ACT == 12u) { return x * sigmoid(1.702 * x); }
    if (ACT == 13u) { return exp(min(x, 20.0)); }
    return x;
}

// relu4 keeps NaN. max would not.
fn relu4(x: vec4<f32>) -> vec4<f32> {
    return select(x, vec4<f32>(), (x < vec4<f32>()));
}

fn activate4(x: vec4<f32>) -> vec4<f32> {
    if (ACT == 0u) { return x; }
    if (ACT == 1u) { return relu4(x); }
    return vec4<f32>(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
}
