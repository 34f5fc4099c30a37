// unary: y[i] = f(x[i]), f a chain of functions
//
//     binding 0  x  [N] of Element  read
//     binding 1  y  [N] of Element  write
//     binding 2  sizes
//
// An Element is an f32, or a vec4 if N is a multiple of 4. N counts Elements. The function
// number k of the chain has the parameters pk and qk. An invocation computes one Element.
// Grid: flat(N).

//wgsl:import functions
//wgsl:import index

// Choice: f32 or vec4<f32>, and the same of u32 and bool.
alias Element = f32;
alias Words = u32;
alias Flags = bool;
const WG = 64u;

struct Sizes {
    n: u32,
    p0: f32, q0: f32, p1: f32, q1: f32, p2: f32, q2: f32, p3: f32, q3: f32,
    p4: f32, q4: f32, p5: f32, q5: f32, p6: f32, q6: f32, p7: f32, q7: f32,
}
@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> y: array<Element>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// Choice: the functions, each inside the next.
fn chosen_chain(v: Element) -> Element { return v; }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_index(global, groups, WG);
    if (i < sizes.n) {
        y[i] = chosen_chain(x[i]);
    }
}
