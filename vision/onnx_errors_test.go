package vision

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestONNXErrors opens files that lack something, or say something wrong.
func TestONNXErrors(t *testing.T) {
	free := means("N")
	free.Inputs[0].Shape = []any{"N", 3, "h", "w"}
	two := means("N")
	two.Inputs = append(two.Inputs, onnxfile.Port{Name: "more", Shape: []any{2}})
	odd := means("N")
	odd.Inputs[0].Shape = []any{"N", "a", "b", "c"}
	grey := means("N")
	grey.Inputs[0].Shape = []any{"N", 1, 4, 8}
	for name, c := range map[string]struct {
		file onnxfile.File
		json string
		o    zoo.Options
		want string
	}{
		"three means":   {file: grey, json: `{"inputs": [{"range": [0, 1], "mean": [0.1, 0.2, 0.3]}]}`, want: "mean [0.1 0.2 0.3], std [], fill [], but the input has one channel"},
		"no numbers":    {file: means("N"), want: "tells how samples become numbers"},
		"no size":       {file: free, o: zoo.Options{ONNX: unit}, want: "size of pictures: input picture is open"},
		"other size":    {file: means("N"), o: zoo.Options{ONNX: unit, Size: [2]int{5, 5}}, want: "pictures of 5×5, but input picture takes 4×8"},
		"two inputs":    {file: two, o: zoo.Options{ONNX: unit}, want: "the inputs are picture, more"},
		"layout":        {file: odd, o: zoo.Options{ONNX: unit}, want: "where the channels of input picture are"},
		"dimension":     {file: means("N"), o: zoo.Options{ONNX: zoo.ONNXOptions{Dims: map[string]int{"M": 1}}}, want: `no input has a dimension "M"; there are N`},
		"other task":    {file: means("N"), o: zoo.Options{ONNX: zoo.ONNXOptions{Task: zoo.SuperResolve, Input: unit.Input}}, want: "no output is for super-resolution"},
		"large mean":    {file: means("N"), o: zoo.Options{ONNX: zoo.ONNXOptions{Input: zoo.ModelInput{Mean: []float64{127}}}}, want: "say the range"},
		"unknown key":   {file: means("N"), json: `{"inputs": [{"rnage": [0, 1]}]}`, want: `unknown field "rnage"`},
		"key twice":     {file: means("N"), json: `{"task": "features", "task": "features"}`, want: "task: this key is there twice"},
		"wrong value":   {file: means("N"), json: `{"inputs": [{"range": "0-1"}]}`, want: "inputs.range: a string"},
		"wrong list":    {file: means("N"), json: `{"inputs": [{"mean": ["a"]}]}`, want: "inputs.mean: a string"},
		"wrong number":  {file: means("N"), json: `{"inputs": [{"fill": 0.5}]}`, want: "inputs.fill: a number"},
		"unknown task":  {file: means("N"), json: `{"task": "cats"}`, want: `no task "cats"`},
		"unknown input": {file: means("N"), json: `{"inputs": [{"name": "y", "range": [0, 1]}]}`, want: "no input y; there are picture"},
		"labels":        {file: means("N"), json: `{"inputs": [{"range": [0, 1]}], "labels": "../x.txt"}`, want: "not in the same folder"},
		"few labels":    {file: means("N"), json: `{"task": "classification", "labels": ["a"], "inputs": [{"range": [0, 1]}]}`, want: "1 labels for the 3 classes of output flat, which is [1, 3]"},
		"many labels":   {file: means("N"), o: zoo.Options{Labels: make([]string, 4), ONNX: zoo.ONNXOptions{Task: zoo.Classify, Input: unit.Input}}, want: "4 labels for the 3 classes"},
		"roles":         {file: means("N"), json: `{"task": "classification", "inputs": [{"range": [0, 1]}], "outputs": {"scroes": "flat", "scores": "flat", "boxes": "flat"}}`, want: "outputs: nothing is called boxes, scroes; there is scores"},
		"role, no task": {file: means("N"), json: `{"inputs": [{"range": [0, 1]}], "outputs": {"score": "flat"}}`, want: "outputs: nothing is called score; there is picture, scores, vector"},
		"output":        {file: means("N"), json: `{"inputs": [{"range": [0, 1]}], "outputs": {"scores": "y"}}`, want: "no output y; there are flat [1, 3]"},
		"letterbox":     {file: means("N"), json: `{"inputs": [{"range": [0, 1], "fit": "crop", "fill": [1]}]}`, want: `fill is for the fit "letterbox", and the fit is "crop"`},
		"fill alone":    {file: means("N"), json: `{"inputs": [{"range": [0, 1], "fill": [1]}]}`, want: `fill is for the fit "letterbox", and nothing says the fit`},
		"place alone":   {file: means("N"), json: `{"inputs": [{"range": [0, 1], "place": "corner"}]}`, want: `place is for the fit "letterbox", and nothing`},
		"resize alone":  {file: means("N"), json: `{"inputs": [{"range": [0, 1], "resize": 9}]}`, want: `resize is for the fit "crop", and nothing`},
	} {
		m, err := zoo.Open(writeONNX(t, c.file, c.json), c.o)
		if err == nil {
			m.Network.(*zoo.ONNX).Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestDecodeErrors opens files whose model.json says nonsense under decode, for tasks that do
// not need it.
func TestDecodeErrors(t *testing.T) {
	for said, want := range map[string]string{
		`"yolov8"`:                       "",
		`{"name": "ssd", "score": 0.25}`: "",
		`{"stretch": true}`:              "",
		`"yolov88"`:                      `no decoder "yolov88"`,
		`{"nane": "ssd"}`:                `unknown field "nane"`,
		`{"score": 0.5}`:                 "no name of a decoder",
		`7`:                              "model.json: decode:",
	} {
		path := writeONNX(t, means("N"), `{"inputs": [{"range": [0, 1]}], "decode": `+said+`}`)
		m, err := Open(path, Options{Lazy: true, ONNX: zoo.ONNXOptions{Task: zoo.Classify}})
		if err == nil {
			m.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", said, err, want)
		}
	}
	mask := onnxfile.File{
		Inputs:  ports{{Name: "picture", Shape: []any{1, 3, 4, 8}}},
		Nodes:   nodes{node("ReduceMean", "picture", "mask", map[string]any{"axes": []int{1}})},
		Outputs: ports{{Name: "mask", Shape: []any{1, 1, 4, 8}}},
	}
	path := writeONNX(t, mask, `{"inputs": [{"range": [0, 1]}], "decode": {"strech": true}}`)
	if _, err := Open(path, Options{Lazy: true, ONNX: zoo.ONNXOptions{Task: zoo.Segment}}); err == nil || !strings.Contains(err.Error(), "for a matte it is") {
		t.Errorf("a matte: %v", err)
	}
}
