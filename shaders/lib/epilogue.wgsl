// epilogue: the end of kernels that add a bias and a residual and apply an activation. The
// kernel declares bias, residual and y, of f32.

//wgsl:import activation

// Choice: what there is to add. With ONTO the residual is in y.
const HAS_BIAS = false;
const HAS_RESIDUAL = false;
const ONTO = false;

// finish writes act(sum + bias[o] + residual[at]) to y[at].
fn finish(at: u32, o: u32, sum: f32) {
    var v = sum;
    if (HAS_BIAS) {
        v += bias[o];
    }
    if (HAS_RESIDUAL) {
        v += residual[at];
    }
    if (ONTO) {
        v += y[at];
    }
    y[at] = activate(v);
}
