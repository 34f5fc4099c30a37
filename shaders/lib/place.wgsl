// place returns where the M numbers of index from `first` on point to: their sum times
// the strides s0 to s5, or OUTSIDE if one is outside [-d, d) with the extents d0 to d5. A
// negative number counts from the end.
const OUTSIDE = 4294967295u;

fn along(k: f32, extent: u32, stride: u32) -> u32 {
    let at = select(k, k + f32(extent), k < 0.0);
    if (!(at >= 0.0 && at < f32(extent))) {
        return OUTSIDE;
    }
    return u32(at) * stride;
}

fn place(first: u32) -> u32 {
    var at = along(index[first], sizes.d0, sizes.s0);
    var outside = at == OUTSIDE;
    if (M > 1u) {
        let more = along(index[first + 1u], sizes.d1, sizes.s1);
        outside = outside || more == OUTSIDE;
        at += more;
    }
    if (M > 2u) {
        let more = along(index[first + 2u], sizes.d2, sizes.s2);
        outside = outside || more == OUTSIDE;
        at += more;
    }
    if (M > 3u) {
        let more = along(index[first + 3u], sizes.d3, sizes.s3);
        outside = outside || more == OUTSIDE;
        at += more;
    }
    if (M > 4u) {
        let more = along(index[first + 4u], sizes.d4, sizes.s4);
        outside = outside || more == OUTSIDE;
        at += more;
    }
    if (M > 5u) {
        let more = along(index[first + 5u], sizes.d5, sizes.s5);
        outside = outside || more == OUTSIDE;
        at += more;
    }
    return select(at, OUTSIDE, outside);
}
