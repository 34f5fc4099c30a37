// token: reads the qkv of the tokens of a window, as vec4s, from qkv [B, H, W, 3*HEADS*D]
// and padding [3*HEADS*D].

// Choice: whether windows reach into the padding.
const PADDED = true;

// LOWEST is the largest score of no keys. No finite score is lower.
const LOWEST = -3.4028234e38;

// Token says where the qkv of a token begins, or that the token is in the padding.
struct Token { at: u32, outside: bool }

fn token(b: u32, window: vec2<u32>, t: u32) -> Token {
    let at = place(window, min(t, sizes.window_h * sizes.window_w - 1u));
    let inside = min(at, vec2<u32>(sizes.h - 1u, sizes.w - 1u));
    let row = (b * sizes.h + inside.x) * sizes.w + inside.y;
    return Token(row * 3u * sizes.heads * sizes.d, at.x >= sizes.h || at.y >= sizes.w);
}

// element returns vec4 number c of the qkv of a token.
fn element(t: Token, c: u32) -> vec4<f32> {
    if (PADDED) {
        return select(qkv[t.at + c], padding[c], t.outside);
    }
    return qkv[t.at + c];
}
