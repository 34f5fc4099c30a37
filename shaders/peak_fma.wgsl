// peak_fma: y[i] = the sum of eight vec4s after 16 * rounds multiply-adds of them
//
//     binding 0  y  [N] of vec4  write
//     binding 1  sizes
//
// An invocation keeps eight vec4s, none of which waits for another. It writes their sum
// at the end. A round is 128 floating-point operations. Grid: (N / WG, 1, 1).

const WG = 64u;

struct Sizes { rounds: u32, factor: f32, term: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>) {
    let m = vec4<f32>(sizes.factor);
    let c = vec4<f32>(sizes.term);
    let seed = vec4<f32>(f32(global.x), 1.0, 2.0, 3.0);
    var a0 = seed;
    var a1 = seed + 1.0;
    var a2 = seed + 2.0;
    var a3 = seed + 3.0;
    var a4 = seed + 4.0;
    var a5 = seed + 5.0;
    var a6 = seed + 6.0;
    var a7 = seed + 7.0;
    for (var i = 0u; i < sizes.rounds; i += 1u) {
        a0 = fma(a0, m, c);
        a1 = fma(a1, m, c);
        a2 = fma(a2, m, c);
        a3 = fma(a3, m, c);
        a4 = fma(a4, m, c);
        a5 = fma(a5, m, c);
        a6 = fma(a6, m, c);
        a7 = fma(a7, m, c);
        a0 = fma(a0, m, c);
        a1 = fma(a1, m, c);
        a2 = fma(a2, m, c);
        a3 = fma(a3, m, c);
        a4 = fma(a4, m, c);
        a5 = fma(a5, m, c);
        a6 = fma(a6, m, c);
        a7 = fma(a7, m, c);
    }
    y[global.x] = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7));
}
