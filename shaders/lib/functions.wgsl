// functions: graph.Function, each with its parameters. Element is an f32, or a vec4 of them.

//wgsl:import bits
//wgsl:import power

// near_log_1_plus is the series of ln(1 + t) in t / (2 + t), for t from -0.4 to 0.5.
fn near_log_1_plus(t: Element) -> Element {
    let s = t / (2.0 + t);
    let z = s * s;
    return 2.0 * s * (1.0 + z * (0.33333334 + z * (0.2 + z * (0.14285715 + z * 0.11111111))));
}

fn log_1_plus(t: Element) -> Element {
    return select(logarithm(1.0 + t), near_log_1_plus(t), abs(t) < Element(0.4));
}

fn logarithm(x: Element) -> Element {
    let far = select(log(x), infinity(Element(-1.0)), x == Element(0.0));
    let y = select(far, near_log_1_plus(x - 1.0), abs(x - 1.0) < Element(0.4));
    return select(select(y, x, is_infinite(x)), nan(x), x < Element(0.0));
}

fn exponential(x: Element) -> Element {
    let y = exp(clamp(x, Element(-104.0), Element(88.72283)));
    return select(select(y, infinity(Element(1.0)), x > Element(88.72284)), Element(0.0), x < Element(-104.0));
}

fn exponential_minus_1(x: Element) -> Element {
    let near = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.008333334 + x * 0.0013888889)))));
    return select(exponential(x) - 1.0, near, abs(x) < Element(0.3));
}

// error_function is its series near 0, and by Abramowitz and Stegun 7.1.26 beyond.
fn error_function(x: Element) -> Element {
    let z = x * x;
    let near = x * (1.1283792 + z * (-0.37612638 + z * (0.11283792 + z * (-0.026866171 + z * (0.0052239776 - z * 0.00085483271)))));
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return select(with_sign(1.0 - p * exponential(-z), x), near, a < Element(0.5));
}

fn logistic(x: Element) -> Element { return 1.0 / (1.0 + exponential(-x)); }

fn hyperbolic_tangent(x: Element) -> Element {
    let z = x * x;
    let near = x * (1.0 + z * (-0.333332819 + z * (0.133314422 + z * (-0.0537397155 + z * (0.0206390888 - z * 0.00570498873)))));
    return select(with_sign(1.0 - 2.0 / (exponential(2.0 * abs(x)) + 1.0), x), near, abs(x) < Element(0.625));
}

fn soft_plus(x: Element) -> Element { return max(x, Element(0.0)) + log_1_plus(exponential(-abs(x))); }

// turned returns the sine of x + k pi/2. It takes the nearest multiple of pi/2 away in three
// parts, of which the first two have few bits.
fn turned(x: Element, k: Element) -> Element {
    let q = round(x * 0.63661977);
    let r = ((x - q * 1.5703125) - q * 0.0004837512970) - q * 7.549789949e-8;
    let z = r * r;
    let s = r + r * z * (-0.16666654611 + z * (0.0083321608736 - z * 0.00019515295891));
    let c = 1.0 - 0.5 * z + z * z * (0.04166664568 + z * (-0.0013887316255 + z * 0.000024433157118));
    let quarter = (q + k) - 4.0 * floor(0.25 * (q + k));
    let y = select(s, c, (quarter == Element(1.0)) | (quarter == Element(3.0)));
    let bounded = clamp(y, Element(-1.0), Element(1.0)); // what is left of a very large x is no angle
    return select(select(bounded, -bounded, quarter >= Element(2.0)), nan(x), is_infinite(x) | is_nan(x));
}

fn arc_sine(x: Element) -> Element {
    let a = abs(x);
    let far = a > Element(0.5);
    let z = select(a * a, 0.5 * (1.0 - a), far);
    let t = select(a, sqrt(max(z, Element(0.0))), far);
    let p = t + t * z * (0.16666752422 + z * (0.074953002686 + z * (0.045470025998 + z * (0.024181311049 + z * 0.042163199048))));
    return select(with_sign(select(p, 1.5707963 - 2.0 * p, far), x), nan(x), a > Element(1.0));
}

fn arc_cosine(x: Element) -> Element {
    let y = 2.0 * arc_sine(sqrt(max(0.5 * (1.0 - abs(x)), Element(0.0))));
    let far = select(y, 3.1415927 - y, x < Element(0.0));
    return select(select(1.5707963 - arc_sine(x), far, abs(x) > Element(0.5)), nan(x), abs(x) > Element(1.0));
}

fn arc_tangent(x: Element) -> Element {
    let a = abs(x);
    let far = a > Element(2.4142137);
    let mid = (a > Element(0.41421357)) & !far;
    let t = select(select(a, (a - 1.0) / (a + 1.0), mid), -1.0 / a, far);
    let z = t * t;
    let p = t + t * z * (-0.333329491539 + z * (0.199777106478 + z * (-0.138776856032 + z * 0.0805374449538)));
    return with_sign(p + select(select(Element(0.0), Element(0.78539816), mid), Element(1.5707963), far), x);
}

// The functions by their names in graph.
fn f_relu(x: Element, a: f32, b: f32) -> Element { return select(x, Element(0.0), (x < Element(0.0))); }
fn f_relu6(x: Element, a: f32, b: f32) -> Element { return f_clip(x, 0.0, 6.0); }
fn f_leaky_relu(x: Element, a: f32, b: f32) -> Element { return f_leaky(x, 0.01, 0.0); }
fn f_sigmoid(x: Element, a: f32, b: f32) -> Element { return keep(logistic(x), x); }
fn f_tanh(x: Element, a: f32, b: f32) -> Element { return keep(hyperbolic_tangent(x), x); }
fn f_silu(x: Element, a: f32, b: f32) -> Element { return f_swish(x, 1.0, 0.0); }
fn f_hardswish(x: Element, a: f32, b: f32) -> Element { return x * f_clip(x + 3.0, 0.0, 6.0) * 0.16666667; }
fn f_elu(x: Element, a: f32, b: f32) -> Element { return f_exponential(x, 1.0, 0.0); }
fn f_softplus(x: Element, a: f32, b: f32) -> Element { return keep(soft_plus(x), x); }
fn f_gelu(x: Element, a: f32, b: f32) -> Element { return keep(0.5 * x * (1.0 + error_function(x * 0.70710678)), x); }
fn f_gelu_tanh(x: Element, a: f32, b: f32) -> Element {
    return keep(0.5 * x * (1.0 + hyperbolic_tangent(0.79788456 * (x + 0.044715 * x * x * x))), x);
}
fn f_quick_gelu(x: Element, a: f32, b: f32) -> Element { return f_swish(x, 1.702, 0.0); }
fn f_exp_clamped(x: Element, a: f32, b: f32) -> Element { return keep(exponential(min(x, Element(20.0))), x); }
fn f_abs(x: Element, a: f32, b: f32) -> Element { return abs(x); }
fn f_neg(x: Element, a: f32, b: f32) -> Element { return -x; }
fn f_reciprocal(x: Element, a: f32, b: f32) -> Element { return select(1.0 / x, infinity(x), x == Element(0.0)); }
fn f_sqrt(x: Element, a: f32, b: f32) -> Element { return keep(select(sqrt(x), nan(x), x < Element(0.0)), x); }
fn f_exp(x: Element, a: f32, b: f32) -> Element { return keep(exponential(x), x); }
fn f_log(x: Element, a: f32, b: f32) -> Element { return keep(logarithm(x), x); }
fn f_erf(x: Element, a: f32, b: f32) -> Element { return keep(error_function(x), x); }
fn f_floor(x: Element, a: f32, b: f32) -> Element { return keep(floor(x), x); }
fn f_ceil(x: Element, a: f32, b: f32) -> Element { return keep(ceil(x), x); }
fn f_round(x: Element, a: f32, b: f32) -> Element { return keep(round(x), x); }
fn f_trunc(x: Element, a: f32, b: f32) -> Element { return keep(trunc(x), x); }
fn f_sign(x: Element, a: f32, b: f32) -> Element {
    return keep(truth(x > Element(0.0)) - truth(x < Element(0.0)), x);
}
fn f_not(x: Element, a: f32, b: f32) -> Element { return truth((x == Element(0.0)) & !is_nan(x)); }
fn f_truth(x: Element, a: f32, b: f32) -> Element { return truth((x != Element(0.0)) | is_nan(x)); }
fn f_is_nan(x: Element, a: f32, b: f32) -> Element { return truth(is_nan(x)); }
fn f_is_inf(x: Element, a: f32, b: f32) -> Element {
    return truth(is_infinite(x)) * select(Element(truth_of(b)), Element(truth_of(a)), negative(x));
}
fn truth_of(a: f32) -> f32 { return select(0.0, 1.0, a != 0.0); }
fn f_sin(x: Element, a: f32, b: f32) -> Element { return turned(x, Element(0.0)); }
fn f_cos(x: Element, a: f32, b: f32) -> Element { return turned(x, Element(1.0)); }
fn f_tan(x: Element, a: f32, b: f32) -> Element { return turned(x, Element(0.0)) / turned(x, Element(1.0)); }
fn f_asin(x: Element, a: f32, b: f32) -> Element { return keep(arc_sine(x), x); }
fn f_acos(x: Element, a: f32, b: f32) -> Element { return keep(arc_cosine(x), x); }
fn f_atan(x: Element, a: f32, b: f32) -> Element { return keep(arc_tangent(x), x); }
fn f_sinh(x: Element, a: f32, b: f32) -> Element {
    let z = x * x;
    let near = x + x * z * (0.166666671602 + z * (0.00833028376239 + z * 0.000203721912945));
    let e = exponential(abs(x) - 0.69314718);
    return keep(select(with_sign(e - 0.25 / e, x), near, abs(x) < Element(1.0)), x);
}
fn f_cosh(x: Element, a: f32, b: f32) -> Element {
    let e = exponential(abs(x) - 0.69314718);
    return keep(e + 0.25 / e, x);
}
fn f_asinh(x: Element, a: f32, b: f32) -> Element {
    let n = abs(x);
    let s = min(n * n, Element(1.0e9));
    let y = select(log_1_plus(n + s / (1.0 + sqrt(1.0 + s))), logarithm(n) + 0.69314718, n > Element(10000.0));
    return keep(with_sign(y, x), x);
}
fn f_acosh(x: Element, a: f32, b: f32) -> Element {
    let t = clamp(x - 1.0, Element(0.0), Element(10000.0));
    let y = select(log_1_plus(t + sqrt(t * (2.0 + t))), logarithm(x) + 0.69314718, x > Element(10000.0));
    return keep(select(y, nan(x), x < Element(1.0)), x);
}
fn f_atanh(x: Element, a: f32, b: f32) -> Element {
    let n = abs(x);
    let y = select(0.5 * log_1_plus(2.0 * n / (1.0 - n)), infinity(Element(1.0)), n == Element(1.0));
    return keep(select(with_sign(y, x), nan(x), n > Element(1.0)), x);
}
fn f_softsign(x: Element, a: f32, b: f32) -> Element { return x / (1.0 + abs(x)); }
fn f_mish(x: Element, a: f32, b: f32) -> Element { return keep(x * hyperbolic_tangent(soft_plus(x)), x); }
fn f_plus(x: Element, a: f32, b: f32) -> Element { return x + a; }
fn f_times(x: Element, a: f32, b: f32) -> Element { return x * a; }
fn f_over(x: Element, a: f32, b: f32) -> Element { return x / a; }
fn f_power(x: Element, a: f32, b: f32) -> Element { return power(x, Element(a)); }
fn f_clip(x: Element, a: f32, b: f32) -> Element { return keep(min(max(x, Element(a)), Element(b)), x); }
fn f_leaky(x: Element, a: f32, b: f32) -> Element { return select(x, a * x, (x < Element(0.0))); }
fn f_exponential(x: Element, a: f32, b: f32) -> Element {
    return keep(select(a * exponential_minus_1(min(x, Element(0.0))), x, x > Element(0.0)), x);
}
fn f_celu(x: Element, a: f32, b: f32) -> Element {
    return keep(select(a * exponential_minus_1(min(x, Element(0.0)) / a), x, x > Element(0.0)), x);
}
fn f_selu(x: Element, a: f32, b: f32) -> Element { return b * f_exponential(x, a, 0.0); }
fn f_hard_sigmoid(x: Element, a: f32, b: f32) -> Element { return f_clip(a * x + b, 0.0, 1.0); }
fn f_thresholded(x: Element, a: f32, b: f32) -> Element { return select(x, Element(0.0), (x <= Element(a))); }
fn f_shrink(x: Element, a: f32, b: f32) -> Element {
    return select(select(Element(0.0), x - b, (x > Element(a))), x + b, (x < Element(-a)));
}
fn f_swish(x: Element, a: f32, b: f32) -> Element { return keep(x * logistic(a * x), x); }
