// taps: how a convolution's k's follow one another, for lib/tiled. K is a window's taps, and
// of each its channels in fours. The kernel declares FOUR, pixel and sizes.

// Choice: a row of the window is one tap.
const WHOLE = false;

// The tap of the next loads as its row and column in the window, the four of channels, and
// the distance from the window's begin in x. Then what a step adds to them without carries.
var<private> down: u32;
var<private> across: u32;
var<private> c4: u32;
var<private> away: u32;
var<private> step_down: u32;
var<private> step_across: u32;
var<private> step_c4: u32;
var<private> step_away: u32;

// place returns the distance of a tap in x. A pixel of x has pixel() elements,
// and four channels are FOUR.
fn place(u: u32, v: u32) -> u32 { return (u * sizes.dilation_h * sizes.w + v * sizes.dilation_w) * pixel(); }

fn seek_tap(k4: u32) {
    let tap = k4 / sizes.cg4;
    c4 = k4 % sizes.cg4;
    down = tap / sizes.kw;
    across = tap % sizes.kw;
    away = place(down, across) + FOUR * c4;
    let taps = TILE_K4 / sizes.cg4;
    step_c4 = TILE_K4 % sizes.cg4;
    step_down = taps / sizes.kw;
    step_across = taps % sizes.kw;
    step_away = place(step_down, step_across) + FOUR * step_c4;
}

fn step_k() {
    c4 += step_c4;
    let next = c4 >= sizes.cg4;
    c4 -= select(0u, sizes.cg4, next);
    let carry = select(0u, 1u, next);
    if (WHOLE) {
        down += step_down + carry;
        away += step_away + select(0u, place(1u, 0u) - FOUR * sizes.cg4, next);
        return;
    }
    across += step_across + carry;
    away += step_away + select(0u, place(0u, 1u) - FOUR * sizes.cg4, next);
    let line = across >= sizes.kw;
    across -= select(0u, sizes.kw, line);
    down += step_down + select(0u, 1u, line);
    away += select(0u, place(1u, 0u) - place(0u, sizes.kw), line);
}
