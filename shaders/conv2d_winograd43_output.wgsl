// conv2d_winograd43_output: y_t[p,q,n] = act(sum_ij AT[p,i] * s[i,j,t,n] * AT[q,j] + bias[n] + residual_t[p,q,n]),
//     y_t and residual_t are tile t of y and of residual
//
//     binding 0  s         [6, 6, TILES, N/4] of vec4  read
//     binding 1  bias      [N/4] of vec4               read (epilogue & 1)
//     binding 2  residual  [B, OH, OW, N/4] of vec4    read (epilogue & 2)
//     binding 3  y         [B, OH, OW, N/4] of vec4    write, read (epilogue & 4)
//     binding 4  sizes, where c4 is N/4
//
// A tile is 4 x 4 pixels. There are TILES = B * tiles_h * tiles_w. AT is the matrix of
// F(4x4, 3x3) for outputs. An invocation computes four channels of a tile.
// Grid: flat(TILES * N/4).

//wgsl:import activation
//wgsl:import index
//wgsl:import winograd_output

const SIZE = 4u; // of a tile of y

@group(0) @binding(0) var<storage, read> s: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

//wgsl:import winograd_finish

struct Four {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

// transformed returns AT * (s0, s1, s2, s3, s4, s5).
fn transformed(s0: vec4<f32>, s1: vec4<f32>, s2: vec4<f32>, s3: vec4<f32>, s4: vec4<f32>, s5: vec4<f32>) -> Four {
    let even = s1 + s2;
    let odd = s1 - s2;
    let far_even = s3 + s4;
    let far_odd = s3 - s4;
    return Four(
        s0 + even + far_even,
        0.75 * odd + 1.5 * far_odd,
        0.5625 * even + 2.25 * far_even,
        0.421875 * odd + 3.375 * far_odd + s5,
    );
}

// row returns row i of s * A.
fn row(id: u32, i: u32) -> Four {
    let across = sizes.tiles * sizes.c4;
    let at = id + 6u * i * across;
    return transformed(s[at], s[at + across], s[at + 2u * across], s[at + 3u * across],
        s[at + 4u * across], s[at + 5u * across]);
}

// finish writes a column of y_t. All loads come before the stores, and none waits for another.
fn finish(to: Column, sums: Four, add: vec4<f32>) {
    let to0 = to.at;
    let to1 = place(to, 1u);
    let to2 = place(to, 2u);
    let to3 = place(to, 3u);
    var add0 = add;
    var add1 = add;
    var add2 = add;
    var add3 = add;
    if ((sizes.epilogue & 6u) != 0u) {
        if ((sizes.epilogue & 2u) != 0u) {
            add0 += residual[to0];
            add1 += residual[to1];
            add2 += residual[to2];
            add3 += residual[to3];
        } else {
            add0 += y[to0];
            add1 += y[to1];
            add2 += y[to2];
            add3 += y[to3];
        }
    }
    if (to.rows > 0u) {
        y[to0] = finished(sums.a + add0);
    }
    if (to.rows > 1u) {
        y[to1] = finished(sums.b + add1);
    }
    if (to.rows > 2u) {
        y[to2] = finished(sums.c + add2);
    }
    if (to.rows > 3u) {
        y[to3] = finished(sums.d + add3);
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let id = flat_index(global, groups, 64u);
    let c = id % sizes.c4;
    let tile = id / sizes.c4;
    if (tile >= sizes.tiles) {
        return;
    }
    let r0 = row(id, 0u);
    let r1 = row(id, 1u);
    let r2 = row(id, 2u);
    let r3 = row(id, 3u);
    let r4 = row(id, 4u);
    let r5 = row(id, 5u);
    var add = vec4<f32>();
    if ((sizes.epilogue & 1u) != 0u) {
        add = bias[c];
    }
    finish(column(tile, 0u, c), transformed(r0.a, r1.a, r2.a, r3.a, r4.a, r5.a), add);
    finish(column(tile, 1u, c), transformed(r0.b, r1.b, r2.b, r3.b, r4.b, r5.b), add);
    finish(column(tile, 2u, c), transformed(r0.c, r1.c, r2.c, r3.c, r4.c, r5.c), add);
    finish(column(tile, 3u, c), transformed(r0.d, r1.d, r2.d, r3.d, r4.d, r5.d), add);
}
