// token: the qkv of the tokens of a window, for kernels that read them as vec4
// from qkv [B, H, W, 3*HEADS*D] and padding [3*HEADS*D].

// Choice: whether windows reach beyond the map.
const PADDED = true;

// The largest score before there is one.
const LOWEST = -3.4028234e38;

// Token is where a token is: its qkv, and whether that is the padding's.
struct Token { at: u32, outside: bool }

fn token(b: u32, window: vec2<u32>, t: u32) -> Token {
    let at = place(window, min(t, sizes.window_h * sizes.window_w - 1u));
    let inside = min(at, vec2<u32>(sizes.h - 1u, sizes.w - 1u));
    let row = (b * sizes.h + inside.x) * sizes.w + inside.y;
    return Token(row * 3u * sizes.heads * sizes.d, at.x >= sizes.h || at.y >= sizes.w);
}

// element is vec4 number c of the qkv of a token.
fn element(t: Token, c: u32) -> vec4<f32> {
    if (PADDED) {
        return select(qkv[t.at + c], padding[c], t.outside);
    }
    return qkv[t.at + c];
}
