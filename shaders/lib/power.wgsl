// power: raises to a power. Words is u32 and Element f32, or both have four of them.

//wgsl:import bits

// two_to(i) is 2 to the power of a whole i from -126 to 127.
fn two_to(i: Element) -> Element {
    return bitcast<Element>(Words(i + 127.0) << Words(23u));
}

// whole_power multiplies; n is a whole number from 0 to 63.
fn whole_power(x: Element, n: Element) -> Element {
    var left = Words(n);
    var base = x;
    var result = Element(1.0);
    for (var k = 0u; k < 6u; k += 1u) {
        result = select(result, result * base, (left & Words(1u)) == Words(1u));
        left = left >> Words(1u);
        base *= base;
    }
    return result;
}

// real_power is for finite x over 0: exp2(y e + y log2 m) with x = m 2^e. y has a part of
// 12 bits, whose product with e is exact.
fn real_power(x: Element, y: Element) -> Element {
    let b = bitcast<Words>(x);
    let full = bitcast<Element>((b & Words(0x7fffffu)) | Words(0x3f800000u));
    let half = full > Element(1.4142135);
    let m = select(full, 0.5 * full, half);
    let e = Element(b >> Words(23u)) - select(Element(127.0), Element(126.0), half);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let log2_m = s * (2.885390082 + z * (0.9617966939 + z * (0.5770780164 + z * (0.4121985831 + z * 0.3205988980))));
    let exponent = clamp(y, Element(-4.0e9), Element(4.0e9));
    let first = bitcast<Element>(bitcast<Words>(exponent) & Words(0xfffff000u));
    let large = first * e;
    let small = (exponent - first) * e + exponent * log2_m;
    let whole = clamp(round(large + small), Element(-200.0), Element(200.0));
    let rest = clamp((large - whole) + small, Element(-1.0), Element(1.0));
    let one = floor(0.5 * whole);
    let result = exp2(rest) * two_to(one) * two_to(whole - one);
    return select(result, infinity(Element(1.0)), large + small > Element(128.5));
}

fn power(x: Element, y: Element) -> Element {
    let a = abs(x);
    let n = abs(y);
    let whole = (y == floor(y)) | is_infinite(y);
    let odd = whole & (n < Element(16777216.0)) & (floor(0.5 * y) != 0.5 * y);
    let one = Element(1.0);
    let zero = Element(0.0);
    let up = (y > zero) == (a > one); // of zero and infinity: to infinity
    let product = whole_power(a, select(zero, n, whole & (n < Element(64.0))));
    var r = select(real_power(a, y), select(one / product, product, y > zero), whole & (n < Element(64.0)));
    r = select(r, select(zero, infinity(one), up), (a == zero) | is_infinite(a) | is_infinite(y));
    r = select(r, -r, odd & negative(x));
    r = select(r, nan(x), (x < zero) & !whole & !is_infinite(x));
    r = select(r, nan(x), is_nan(x) | is_nan(y));
    r = select(r, one, (a == one) & (is_infinite(y) | !negative(x)));
    return select(r, one, y == zero);
}
