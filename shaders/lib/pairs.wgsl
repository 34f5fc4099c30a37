// pairs: graph.BinaryKind, by its number. Element is an f32, or a vec4 of them.

//wgsl:import bits
//wgsl:import power

// Choice: the number.
const KIND = 0u;

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

fn pair(p: Element, q: Element) -> Element {
    if (KIND == 0u) { return p + q; }
    if (KIND == 1u) { return p - q; }
    if (KIND == 2u) { return p * q; }
    if (KIND == 3u) { return p / q; }
    if (KIND == 4u) { return power(p, q); }
    if (KIND == 5u) { return keep_both(max(p, q), p, q); }
    if (KIND == 6u) { return keep_both(min(p, q), p, q); }
    if (KIND == 7u) { return float_remainder(p, q); }
    if (KIND == 8u) { return integer_remainder(p, q); }
    if (KIND == 9u) { return integer_quotient(p, q); }
    if (KIND == 10u) { return compared(p == q, p, q); }
    if (KIND == 11u) { return compared(p < q, p, q); }
    if (KIND == 12u) { return compared(p <= q, p, q); }
    if (KIND == 13u) { return compared(p > q, p, q); }
    if (KIND == 14u) { return compared(p >= q, p, q); }
    if (KIND == 15u) { return truth(true_number(p) & true_number(q)); }
    if (KIND == 16u) { return truth(true_number(p) | true_number(q)); }
    if (KIND == 17u) { return truth(true_number(p) != true_number(q)); }
    return select(p, p * q, (p < Element(0.0)));
}
