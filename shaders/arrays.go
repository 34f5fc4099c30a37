package shaders

import "strings"

// arrays says what the arrays of each kernel file hold, in the order of its bindings: the
// numbers of an element, 1, 4 or m for a matrix of 16; or e, if the constant Element says
// it. A + is for arrays that the kernel reads, too, where it writes them. A - is for numbers
// that must not be rounded to f16: indices, coordinates, and what kernels keep for themselves.
var arrays = map[string]string{
	"activate":                        "1 1",
	"activate_vec4":                   "4 4",
	"adaptive_pool2d":                 "e e",
	"argmax":                          "1 -",
	"attention_flash":                 "4 4 4 1 1 1 1 4",
	"attention_lanes":                 "4 4 4 1 1 1 1 4",
	"attention_merge":                 "4 4",
	"attention_naive":                 "1 1 1 1 1 1 1 1",
	"attention_pane":                  "4 4 4 1 1 1 1 4+ -",
	"batch_norm":                      "e e e e e e",
	"binary":                          "e e e+",
	"binary_same":                     "4 4 4+",
	"blocks_to_space":                 "1 1 1 1+",
	"blocks_to_space_vec4":            "4 4 4 4+",
	"concat":                          "e e",
	"conv2d_depthwise":                "4 4 4 4 4+",
	"conv2d_grouped":                  "4 m 4 4 4+",
	"conv2d_naive":                    "1 1 1 1 1+",
	"conv2d_pane":                     "4 m 4 4 4+",
	"conv2d_pane_scalar":              "4 m 1 1 1+",
	"conv2d_row_pane":                 "1 m 4 4 4+",
	"conv2d_tiled":                    "1 4 1 1 1+",
	"conv2d_tiled_narrow":             "4 4 1 1 1+",
	"conv2d_tiled_vec4":               "4 4 4 4 4+",
	"conv2d_winograd23_input":         "4 4",
	"conv2d_winograd23_input_rolled":  "4 4",
	"conv2d_winograd23_output":        "4 4 4 4+",
	"conv2d_winograd23_output_rolled": "4 4 4 4+",
	"conv2d_winograd43_input":         "4 4",
	"conv2d_winograd43_input_rolled":  "4 4",
	"conv2d_winograd43_output":        "4 4 4 4+",
	"conv2d_winograd43_output_rolled": "4 4 4 4+",
	"conv_transpose2d_direct":         "4 m 4 4 4+",
	"conv_transpose2d_gather":         "4 4 1 1 1+",
	"conv_transpose2d_naive":          "1 1 1 1 1+",
	"conv_transpose2d_tiled_vec4":     "4 4 4 4 4+",
	"cosine_similarity":               "1 1 1",
	"cumsum":                          "1 1",
	"cumsum_row":                      "1 1",
	"deform_columns":                  "1 1 1 1",
	"gather":                          "1 - 1",
	"gather_nd":                       "e - e",
	"grid_sample":                     "e - e",
	"group_norm":                      "e e e e 4",
	"group_norm_held_vec4":            "4 4 4 4",
	"group_norm_stats":                "1 4",
	"group_norm_stats_vec4":           "4 4",
	"im2col":                          "e 4",
	"im2row":                          "1 4",
	"layer_norm":                      "1 1 1 1",
	"layer_norm_held_vec4":            "4 4 4 4",
	"layer_norm_row":                  "1 1 1 1",
	"layer_norm_row_vec4":             "4 4 4 4",
	"layer_norm_vec4":                 "4 4 4 4",
	"linear_naive":                    "1 1 1 1 1+",
	"linear_pane":                     "4 m 4 4 4+",
	"linear_pane_scalar":              "4 m 1 1 1+",
	"linear_tiled":                    "1 1 1 1 1+",
	"linear_tiled_vec4":               "4 4 4 4 4+",
	"linear_xpane":                    "4 4 4 4 4+",
	"linear_xpane_1x4":                "4 4 4 4 4+",
	"linear_xpane_1x4_scalar":         "4 4 1 1 1+",
	"linear_xpane_tall":               "4 4 4 4 4+",
	"local_response_norm":             "1 1",
	"local_response_norm_vec4":        "4 4",
	"matmul_naive":                    "1 1 1",
	"matvec":                          "1 1 1 1 1+",
	"matvec_columns":                  "1 1 1",
	"matvec_vec4":                     "4 4 1 1 1+",
	"max_pool2d_across":               "4 4",
	"max_pool2d_index":                "1 -",
	"nms":                             "- 1 - - - -",
	"nms_rows":                        "- - -",
	"normalize":                       "1 1",
	"normalize_row":                   "1 1",
	"pad":                             "e e",
	"patch_merge":                     "e e",
	"peak_copy":                       "- -",
	"peak_fma":                        "-",
	"pixel_shuffle":                   "1 1",
	"pixel_shuffle_vec4":              "1 4",
	"pointwise":                       "e e e e e+",
	"pool2d":                          "e e",
	"pool2d_small":                    "e e",
	"rank":                            "1 -",
	"reduce":                          "1 1",
	"reduce_column":                   "4 4",
	"reduce_row":                      "1 1",
	"reduce_row_vec4":                 "4 1",
	"rel_pos":                         "1 1 1",
	"rel_pos_table":                   "1 1",
	"rel_pos_vec4":                    "4 4 1",
	"relative_position_bias":          "1 1",
	"resample":                        "e - 1 e",
	"resize":                          "e e",
	"resize_axis":                     "e e",
	"resize_filter":                   "e e",
	"resize_rows":                     "e e",
	"rms_norm":                        "1 1 1",
	"rms_norm_row":                    "1 1 1",
	"roi_align":                       "e - - e",
	"scatter":                         "- 1 1",
	"scatter_merge":                   "1 - 1 1",
	"scatter_nd":                      "- e e",
	"scatter_nd_merge":                "1 - 1 1",
	"softmax":                         "1 1",
	"softmax_held_vec4":               "4 4",
	"softmax_row":                     "1 1",
	"softmax_row_vec4":                "4 4",
	"split_sum":                       "1 1 1 1+",
	"split_sum_vec4":                  "4 4 4 4+",
	"strided":                         "e e",
	"take_rows":                       "e - e",
	"top_chosen":                      "1 -",
	"top_rank":                        "1 - -",
	"transpose":                       "1 1",
	"unary":                           "e e",
	"where":                           "e e e e",
	"window_attention_flash":          "4 1 4 1 4",
	"window_attention_lanes":          "4 1 4 1 4",
	"window_attention_naive":          "1 1 1 1 1",
	"window_partition":                "e e",
}

// element returns what binding i of the kernel holds: 1, 4 or m; or - if that must stay f32.
func (k Kernel) element(i int) (kind string, rereads bool) {
	all := strings.Fields(arrays[k.File])
	if k.Files != nil || i >= len(all) {
		return "-", false
	}
	kind, rereads = strings.CutSuffix(all[i], "+")
	if kind == "e" {
		kind = "1"
		if k.Set["Element"] == Type("vec4<f32>") {
			kind = "4"
		}
	}
	return kind, rereads
}

// Holds reports whether a binding of a value can hold f16, and whether the kernel reads
// what it writes through it. Pairs of f16 are written as vec4s, so that no two invocations
// write to one word.
func (k Kernel) Holds(binding int) (ok, rereads bool) {
	b := k.Bindings[binding]
	kind, rereads := k.element(binding)
	if kind == "-" || b.Access == Uniform || b.Offset > 0 || b.Size > 0 {
		return false, false
	}
	return b.Access == Read || kind == "4" || k.F16, rereads
}
