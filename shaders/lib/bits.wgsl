// bits: NaN and infinity by their bits. A compiler may assume that they do not exist, and a
// text may not have them as constants. Element is an f32, Words a u32, Flags a bool, or
// each has four of them.

fn is_nan(x: Element) -> Flags {
    return (bitcast<Words>(x) & Words(0x7fffffffu)) > Words(0x7f800000u);
}

fn is_infinite(x: Element) -> Flags {
    return (bitcast<Words>(x) & Words(0x7fffffffu)) == Words(0x7f800000u);
}

// negative is true for -0, too.
fn negative(x: Element) -> Flags {
    return (bitcast<Words>(x) & Words(0x80000000u)) != Words(0u);
}

// nan returns NaN, whatever x is.
fn nan(x: Element) -> Element {
    return bitcast<Element>(bitcast<Words>(x) | Words(0x7fc00000u));
}

// infinity returns the infinity with the sign of x.
fn infinity(x: Element) -> Element {
    return bitcast<Element>((bitcast<Words>(x) & Words(0x80000000u)) | Words(0x7f800000u));
}

// with_sign returns the size of x with the sign of s.
fn with_sign(x: Element, s: Element) -> Element {
    return bitcast<Element>((bitcast<Words>(x) & Words(0x7fffffffu)) | (bitcast<Words>(s) & Words(0x80000000u)));
}

// keep returns y, or NaN where x is NaN.
fn keep(y: Element, x: Element) -> Element {
    return select(y, nan(x), is_nan(x));
}

// truth returns 1 for true.
fn truth(t: Flags) -> Element {
    return select(Element(0.0), Element(1.0), t);
}
