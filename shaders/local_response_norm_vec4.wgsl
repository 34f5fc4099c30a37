// local_response_norm_vec4: y[m,c] = x[m,c] / (k + alpha_n * sum_d x[m,d]^2)^beta,
//     over the channels d from c - floor(SIZE/2) to c + floor((SIZE-1)/2) that exist
//
//     binding 0  x  [M, C/4] of vec4  read
//     binding 1  y  [M, C/4] of vec4  write
//     binding 2  sizes; alpha_n is alpha/SIZE
//
// An invocation computes four channels. It reads the channels that their windows share
// once. Grid: flat(M*C/4).

//wgsl:import index

// Choice: beta is 0.75, which takes two square roots instead of a power.
const THREE_QUARTERS = false;
const WG = 64u;

struct Sizes { n: u32, c4: u32, size: u32, alpha_n: f32, beta: f32, k: f32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i >= sizes.n) {
        return;
    }
    let c4 = i % sizes.c4;
    let c = c4 * 4u;
    let before = sizes.size / 2u;
    let begin = (max(c, before) - before) / 4u;
    let end = min((c + 3u + (sizes.size - 1u) / 2u) / 4u, sizes.c4 - 1u);
    let zero = vec4<f32>(0.0);
    var sum = zero;
    for (var block = begin; block <= end; block += 1u) {
        let v = x[i - c4 + block];
        let q = v * v;
        // The place of the block's first channel in each of the four windows. Outside a
        // window it is SIZE or more; below zero it wraps round.
        let place = vec4<u32>(block * 4u + before) - vec4<u32>(c, c + 1u, c + 2u, c + 3u);
        let size = vec4<u32>(sizes.size);
        sum += select(zero, vec4<f32>(q.x), place < size);
        sum += select(zero, vec4<f32>(q.y), place + 1u < size);
        sum += select(zero, vec4<f32>(q.z), place + 2u < size);
        sum += select(zero, vec4<f32>(q.w), place + 3u < size);
    }
    let base = sizes.k + sizes.alpha_n * sum;
    if (THREE_QUARTERS) {
        let root = sqrt(base);
        y[i] = x[i] / (root * sqrt(root));
    } else {
        y[i] = x[i] / pow(base, vec4<f32>(sizes.beta));
    }
}
