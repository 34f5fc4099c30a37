// grid_sample: y[b,p,c] = sum_{d,u,v} weight(d) * weight(u) * weight(v) * x[b,d,u,v,c] about the point grid[b,p]
//
//     binding 0  x     [B, N0, N1, N2, C] of Element  read
//     binding 1  grid  [B, P, DIMS]                   read
//     binding 2  y     [B, P, C] of Element           write
//     binding 3  sizes
//
// Coordinates of grid are those of N2, N1 and N0, in this order; without SOLID, N0 is 1 and
// has none. -1 and 1 are the borders of x: half an element outside it, or its outermost
// elements with ALIGN. An Element is an f32, or a vec4 if C is a multiple of 4. n and c
// count Elements. An invocation computes one Element. Grid: flat(B*P*C).

//wgsl:import index

// Choice: f32 or vec4<f32>; MODE is 0 linear, 1 nearest, 2 cubic; BORDER is 0 zeros, 1 clamp,
// 2 reflect; three dimensions.
alias Element = f32;
const MODE = 0u;
const BORDER = 0u;
const ALIGN = false;
const SOLID = false;
const WG = 64u;

struct Sizes { n: u32, n0: u32, n1: u32, n2: u32, c: u32, p: u32 }
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> grid: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Element>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// mirror reflects v at the borders low and high until it lies between them.
fn mirror(v: f32, low: f32, high: f32) -> f32 {
    let span = high - low;
    if ((v >= low && v <= high) || span <= 0.0) {
        return clamp(v, low, high);
    }
    let far = select(v - high, low - v, v < low);
    let turns = floor(far / span);
    let rest = far - turns * span;
    let even = floor(turns * 0.5) * 2.0 == turns;
    return select(high - rest, low + rest, even == (v < low));
}

fn low_border() -> f32 {
    return select(-0.5, 0.0, ALIGN);
}

fn high_border(size: f32) -> f32 {
    return size - select(0.5, 1.0, ALIGN);
}

// source returns where coordinate g lies among n elements.
fn source(g: f32, n: u32) -> f32 {
    let size = f32(n);
    var at = ((g + 1.0) * size - 1.0) * 0.5;
    if (ALIGN) {
        at = (g + 1.0) * 0.5 * (size - 1.0);
    }
    if (MODE == 1u) {
        at = round(at);
    }
    let low = low_border();
    let high = high_border(size);
    if (BORDER == 1u && MODE != 2u && (at < low || at > high)) {
        at = clamp(at, 0.0, size - 1.0);
    }
    if (BORDER == 2u && (at < low || at > high)) {
        at = mirror(at, low, high);
    }
    return clamp(at, -1e9, 1e9);
}

// taps is how many elements a coordinate needs, and first is the place of tap 0.
fn taps() -> i32 {
    if (MODE == 1u) {
        return 1;
    }
    return select(2, 4, MODE == 2u);
}

fn first(at: f32) -> i32 {
    return i32(floor(at)) - select(0, 1, MODE == 2u);
}

// weight returns the weight of tap k.
fn weight(at: f32, k: i32) -> f32 {
    let t = at - floor(at);
    if (MODE == 1u) {
        return 1.0;
    }
    if (MODE == 0u) {
        return select(t, 1.0 - t, k == 0);
    }
    let a = -0.75;
    let d = abs(t + 1.0 - f32(k));
    if (d <= 1.0) {
        return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    }
    return ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
}

// inside returns the element at place k of n, or -1 for a zero.
fn inside(k: i32, n: u32) -> i32 {
    let last = i32(n) - 1;
    if (k >= 0 && k <= last) {
        return k;
    }
    if (BORDER == 0u) {
        return -1;
    }
    if (BORDER == 1u) {
        return clamp(k, 0, last);
    }
    return clamp(i32(mirror(f32(k), low_border(), high_border(f32(n)))), 0, last);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c;
    let point = i / sizes.c;
    let b = point / sizes.p;
    let dims = select(2u, 3u, SOLID);
    let at2 = source(grid[point * dims], sizes.n2);
    let at1 = source(grid[point * dims + 1u], sizes.n1);
    var at0 = 0.0;
    var deep = 1;
    if (SOLID) {
        at0 = source(grid[point * dims + 2u], sizes.n0);
        deep = taps();
    }
    let few = taps();
    var sum = Element(0.0);
    for (var d = 0; d < deep; d += 1) {
        var plane = 0;
        var w0 = 1.0;
        if (SOLID) {
            plane = inside(first(at0) + d, sizes.n0);
            w0 = weight(at0, d);
        }
        if (plane < 0) {
            continue;
        }
        for (var u = 0; u < few; u += 1) {
            let row = inside(first(at1) + u, sizes.n1);
            if (row < 0) {
                continue;
            }
            let w1 = w0 * weight(at1, u);
            let line = ((b * sizes.n0 + u32(plane)) * sizes.n1 + u32(row)) * sizes.n2;
            var across = Element(0.0);
            for (var v = 0; v < few; v += 1) {
                let column = inside(first(at2) + v, sizes.n2);
                if (column >= 0) {
                    across += weight(at2, v) * x[(line + u32(column)) * sizes.c + c];
                }
            }
            sum += w1 * across;
        }
    }
    y[i] = sum;
}
