// pairs: graph.BinaryKind. Element is an f32, or a vec4 of them.

//wgsl:import bits
//wgsl:import power

// keep_both returns y, or NaN where p or q is NaN.
fn keep_both(y: Element, p: Element, q: Element) -> Element {
    return keep(keep(y, p), q);
}

// compared returns 1 for true, and 0 where p or q is NaN.
fn compared(t: Flags, p: Element, q: Element) -> Element {
    return truth(t & !(is_nan(p) | is_nan(q)));
}

fn true_number(p: Element) -> Flags { return (p != Element(0.0)) | is_nan(p); }

// float_remainder divides the 24 bits of p's number by those of q's, eight more bits at a
// time. Each step is exact.
fn float_remainder(p: Element, q: Element) -> Element {
    let above = bitcast<Words>(p) & Words(0x7fffffffu);
    let below = max(bitcast<Words>(q) & Words(0x7fffffffu), Words(0x800000u));
    let divisor = (below & Words(0x7fffffu)) | Words(0x800000u);
    let unit = below >> Words(23u);
    var left = max(above >> Words(23u), unit) - unit; // bits to append
    var rest = ((above & Words(0x7fffffu)) | Words(0x800000u)) % divisor;
    while (length(truth(left > Words(0u))) > 0.0) { // while any is left
        let bits = min(left, Words(8u));
        rest = (rest << bits) % divisor;
        left -= bits;
    }
    let scale = Element(unit) - 150.0;
    let one = floor(0.5 * scale);
    let r = with_sign(Element(rest) * two_to(one) * two_to(scale - one), p);
    let whole = select(r, p, (above < below) | is_infinite(q));
    return select(whole, nan(p), is_nan(p) | is_nan(q) | is_infinite(p) | (q == Element(0.0)));
}

fn integer_remainder(p: Element, q: Element) -> Element {
    let divisor = Words(abs(q));
    let r = Words(abs(p)) % divisor;
    let other = negative(p) != negative(q);
    return with_sign(Element(select(r, divisor - r, other & (r != Words(0u)))), q);
}

fn integer_quotient(p: Element, q: Element) -> Element {
    let n = Element(Words(abs(p)) / Words(abs(q)));
    return select(n, -n, negative(p) != negative(q));
}

// The functions by their names in graph.
fn g_add(p: Element, q: Element) -> Element { return p + q; }
fn g_sub(p: Element, q: Element) -> Element { return p - q; }
fn g_mul(p: Element, q: Element) -> Element { return p * q; }
fn g_div(p: Element, q: Element) -> Element { return p / q; }
fn g_pow(p: Element, q: Element) -> Element { return power(p, q); }
fn g_maximum(p: Element, q: Element) -> Element { return keep_both(max(p, q), p, q); }
fn g_minimum(p: Element, q: Element) -> Element { return keep_both(min(p, q), p, q); }
fn g_fmod(p: Element, q: Element) -> Element { return float_remainder(p, q); }
fn g_remainder(p: Element, q: Element) -> Element { return integer_remainder(p, q); }
fn g_quotient(p: Element, q: Element) -> Element { return integer_quotient(p, q); }
fn g_equal(p: Element, q: Element) -> Element { return compared(p == q, p, q); }
fn g_less(p: Element, q: Element) -> Element { return compared(p < q, p, q); }
fn g_less_equal(p: Element, q: Element) -> Element { return compared(p <= q, p, q); }
fn g_greater(p: Element, q: Element) -> Element { return compared(p > q, p, q); }
fn g_greater_equal(p: Element, q: Element) -> Element { return compared(p >= q, p, q); }
fn g_and(p: Element, q: Element) -> Element { return truth(true_number(p) & true_number(q)); }
fn g_or(p: Element, q: Element) -> Element { return truth(true_number(p) | true_number(q)); }
fn g_xor(p: Element, q: Element) -> Element { return truth(true_number(p) != true_number(q)); }
fn g_prelu(p: Element, q: Element) -> Element { return select(p, p * q, (p < Element(0.0))); }
