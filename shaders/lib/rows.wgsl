// rows: a workgroup of WG invocations takes a row, one of sizes.m. The kernel's row(m, lane)
// computes it; all invocations of a workgroup call it. Grid: flat(M), in workgroups.
@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let m = group.y * groups.x + group.x;
    if (m < sizes.m) {
        row(m, lane);
    }
}
