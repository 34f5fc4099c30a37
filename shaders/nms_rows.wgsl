// nms_rows: y[row] = [image, class, box] of the row-th chosen box of all lines, or -1
//
//     binding 0  chosen  [B*C, K]     read
//     binding 1  found   [B*C]        read
//     binding 2  y       [B*C*K, 3]   write
//     binding 3  sizes
//
// A line is a class of an image. The first found[l] numbers of chosen[l] are boxes. An
// invocation makes one row. Grid: flat(B*C*K).

//wgsl:import index

const WG = 64u;

struct Sizes { rows: u32, lines: u32, classes: u32, k: u32 }
@group(0) @binding(0) var<storage, read> chosen: array<f32>;
@group(0) @binding(1) var<storage, read> found: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = flat_index(global, groups, WG);
    if (row >= sizes.rows) {
        return;
    }
    var before = 0u;
    var image = -1.0;
    var kind = -1.0;
    var at = -1.0;
    for (var line = 0u; line < sizes.lines; line += 1u) {
        let some = u32(found[line]);
        if (row >= before && row - before < some) {
            image = f32(line / sizes.classes);
            kind = f32(line % sizes.classes);
            at = chosen[line * sizes.k + row - before];
        }
        before += some;
    }
    y[3u * row] = image;
    y[3u * row + 1u] = kind;
    y[3u * row + 2u] = at;
}
