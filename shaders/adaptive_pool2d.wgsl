// adaptive_pool2d: y[b,i,j,c] = mean or max (MAX) of x[b, r0:r1, s0:s1, c],
//     r0 = floor(i*H/OH), r1 = ceil((i+1)*H/OH), s0 and s1 likewise of j, W and OW
//
//     binding 0  x  [B, H, W, C] of Element    read
//     binding 1  y  [B, OH, OW, C] of Element  write
//     binding 2  sizes
//
// x may hold the rows of its images from `first` on, and y those from from_row on. H
// and OH in the formula are the heights of the whole images, whole_h and whole_oh. An
// Element is an f32, or a vec4 if C is a multiple of 4. Sizes count Elements. An invocation
// computes one Element. Grid: flat(B*OH*OW*C).

//wgsl:import index

// Choice: f32 or vec4<f32>.
alias Element = f32;
const MAX = false;
const WG = 64u;

struct Sizes {
    n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32,
    whole_h: u32, whole_oh: u32, first: u32, from_row: u32, // heights of the whole images; first rows of x and y
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c = i % sizes.c;
    let column = i / sizes.c % sizes.ow;
    let row = i / (sizes.c * sizes.ow) % sizes.oh;
    let image = i / (sizes.c * sizes.ow * sizes.oh);
    let i0 = row + sizes.from_row;
    let r0 = i0 * sizes.whole_h / sizes.whole_oh - sizes.first;
    let r1 = ((i0 + 1u) * sizes.whole_h + sizes.whole_oh - 1u) / sizes.whole_oh - sizes.first;
    let s0 = column * sizes.w / sizes.ow;
    let s1 = ((column + 1u) * sizes.w + sizes.ow - 1u) / sizes.ow;
    var largest = x[((image * sizes.h + r0) * sizes.w + s0) * sizes.c + c];
    var sum = Element();
    for (var r = r0; r < r1; r += 1u) {
        var across = Element(); // summing by rows rounds less
        for (var s = s0; s < s1; s += 1u) {
            let value = x[((image * sizes.h + r) * sizes.w + s) * sizes.c + c];
            if (MAX) {
                largest = max(largest, value);
            } else {
                across += value;
            }
        }
        sum += across;
    }
    if (MAX) {
        y[i] = largest;
    } else {
        y[i] = sum / f32((r1 - r0) * (s1 - s0));
    }
}
