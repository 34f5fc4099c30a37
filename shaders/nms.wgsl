// nms: chosen[l,k] = the k-th box of line l whose score is highest and that overlaps no box before it, or -1
//
//     binding 0  boxes   [B, N, 4]  read
//     binding 1  scores  [B*C, N]   read
//     binding 2  left    [B*C, N]   write, read
//     binding 3  chosen  [B*C, K]   write
//     binding 4  found   [B*C]      write
//     binding 5  number  [1]        read (COUNT)
//     binding 6  sizes
//
// A line is a class of an image. left is 1 for boxes that may still be chosen, and found
// counts those that are. Two boxes overlap if their intersection is more than iou of their
// union. With FILTER scores have to be above `above`. With CENTERS a box is [x, y, width,
// height] and not two corners. With COUNT only the first boxes exist, as many as number. A
// workgroup computes a line. In each of K rounds it leaves out what overlaps the last
// choice, and looks for the next one. Grid: flat(B*C), in workgroups.

// Choice.
const FILTER = false;
const CENTERS = false;
const COUNT = false;
const WG = 64u;

struct Sizes { lines: u32, classes: u32, n: u32, k: u32, iou: f32, above: f32 }
@group(0) @binding(0) var<storage, read> boxes: array<f32>;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read_write> left: array<f32>;
@group(0) @binding(3) var<storage, read_write> chosen: array<f32>;
@group(0) @binding(4) var<storage, read_write> found: array<f32>;
@group(0) @binding(5) var<storage, read> number: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

var<workgroup> best: array<f32, WG>;
var<workgroup> place: array<u32, WG>; // of best, or n

// box returns the lower and the higher corner of box i, [low, low, high, high].
fn box(i: u32) -> vec4<f32> {
    let a = vec2<f32>(boxes[4u * i], boxes[4u * i + 1u]);
    let b = vec2<f32>(boxes[4u * i + 2u], boxes[4u * i + 3u]);
    if (CENTERS) {
        let half = b * 0.5;
        return vec4<f32>(min(a - half, a + half), max(a - half, a + half));
    }
    return vec4<f32>(min(a, b), max(a, b));
}

fn overlap(a: vec4<f32>, b: vec4<f32>) -> bool {
    let side = max(min(a.zw, b.zw) - max(a.xy, b.xy), vec2<f32>(0.0));
    let one = a.zw - a.xy;
    let two = b.zw - b.xy;
    let both = side.x * side.y;
    return both > 0.0 && both > sizes.iou * (one.x * one.y + two.x * two.y - both);
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // A workgroup beyond the last line repeats it.
    let line = min(group.y * groups.x + group.x, sizes.lines - 1u);
    let first = line * sizes.n;
    let image = line / sizes.classes * sizes.n;
    var n = sizes.n;
    if (COUNT) {
        n = min(n, u32(number[0]));
    }
    for (var i = lane; i < n; i += WG) {
        let score = scores[first + i];
        let fits = score == score && (!FILTER || score > sizes.above);
        left[first + i] = select(0.0, 1.0, fits);
    }
    var last = sizes.n;
    var count = 0u;
    for (var k = 0u; k < min(sizes.k, n); k += 1u) {
        var mine = 0.0;
        var at = sizes.n;
        if (k == 0u || last < sizes.n) {
            var before = vec4<f32>(0.0);
            if (last < sizes.n) {
                before = box(image + last);
            }
            for (var i = lane; i < n; i += WG) {
                if (left[first + i] == 0.0) {
                    continue;
                }
                if (last < sizes.n && (i == last || overlap(before, box(image + i)))) {
                    left[first + i] = 0.0;
                    continue;
                }
                let score = scores[first + i];
                if (at == sizes.n || score > mine) {
                    mine = score;
                    at = i;
                }
            }
        }
        best[lane] = mine;
        place[lane] = at;
        workgroupBarrier();
        for (var half = WG / 2u; half > 0u; half /= 2u) {
            if (lane < half) {
                let other = place[lane + half];
                let mine = place[lane];
                let higher = best[lane + half] > best[lane] || (best[lane + half] == best[lane] && other < mine);
                if (other < sizes.n && (mine == sizes.n || higher)) {
                    best[lane] = best[lane + half];
                    place[lane] = other;
                }
            }
            workgroupBarrier();
        }
        last = place[0];
        if (lane == 0u) {
            chosen[line * sizes.k + k] = select(f32(last), -1.0, last == sizes.n);
        }
        count += select(0u, 1u, last < sizes.n);
        workgroupBarrier();
    }
    if (lane == 0u) {
        found[line] = f32(count);
    }
}
