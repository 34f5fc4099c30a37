package vision

import (
	"path/filepath"
	"reflect"

	"github.com/vertebra/vertebra/vision/zoo"
)

// decoding returns o with DecoderInput of the decoder that the model.json beside an ONNX file
// names, unless o says how pictures are usually prepared.
func (o Options) decoding(path string) Options {
	file, ok := zoo.FindONNX(path)
	if !ok || !reflect.ValueOf(o.ONNX.Usual).IsZero() || o.ONNX.Task != 0 && o.ONNX.Task != zoo.Detect {
		return o
	}
	said, err := zoo.ReadModelFile(filepath.Join(filepath.Dir(file), "model.json"))
	if err != nil {
		return o // opening the file says so
	}
	if d, err := readDecoder(said); err == nil {
		o.ONNX.Usual = DecoderInput(d.Name)
	}
	return o
}

// DecoderInput returns how the authors of the networks for a decoder prepare pictures, for
// zoo.ONNXOptions.Usual. It is zero if they do not agree.
func DecoderInput(name string) zoo.ModelInput {
	var (
		bytes    = []float64{0, 255}
		shares   = []float64{0, 1}
		grey     = []int{114}
		large    = zoo.Size{640, 640}
		imagenet = zoo.ModelInput{Range: shares, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
	)
	switch name {
	case "yolov3", "yolov5", "yolov6", "yolov7", "yolov8", "yolov9", "yolov10", "yolo11", "yolo12", "end2end":
		return zoo.ModelInput{Range: shares, Fit: "letterbox", Fill: grey, Size: large}
	case "yolox", "yolox_decoded":
		return zoo.ModelInput{Channels: "bgr", Range: bytes, Fit: "letterbox", Place: "corner", Fill: grey, Size: large}
	case "detr", "deformable_detr":
		imagenet.Size = zoo.Size{800, 800}
		return imagenet
	case "rtdetr", "dfine":
		return zoo.ModelInput{Range: shares, Size: large}
	case "torchvision":
		return zoo.ModelInput{Range: shares, Fit: "letterbox", Size: zoo.Size{800, 800}}
	case "ultraface":
		return zoo.ModelInput{Range: bytes, Mean: []float64{127}, Std: []float64{128}}
	case "blazeface":
		return zoo.ModelInput{Range: []float64{-1, 1}, Fit: "letterbox"}
	case "yunet":
		return zoo.ModelInput{Channels: "bgr", Range: bytes, Fit: "letterbox", Place: "corner", Size: large}
	}
	return zoo.ModelInput{}
}
