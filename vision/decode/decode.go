// Package decode turns the outputs of detection networks into boxes. A network for
// detection gives tensors whose meaning its file does not state. Boxes takes the name
// of what they mean, such as "yolov8", and Guess finds the name where shapes prove it.
//
// The functions are pure: outputs in, boxes out. Shapes are those of the file.
package decode

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Box is an object that a network found.
type Box struct {
	Bounds [4]float32 // left, top, right, bottom in pixels of the network's input; it may reach beyond
	Class  int        // as the network counts them; where class 0 is the background, no box has it
	Score  float32    // 0…1
	Points []Point    // key points, if the network has any

	// Mask has a probability for each cell of a grid over the whole input: [h, w]. It is
	// 0 outside the box, and nil if the network makes no masks.
	Mask *tensor.Tensor
}

// Point is a key point of an object.
type Point struct {
	X, Y  float32 // in pixels of the network's input
	Score float32 // 0…1; 1 if the network gives none
}

// Options say how outputs are decoded.
type Options struct {
	Size  [2]int // height and width of the network's input, in pixels
	Image int    // which image of the batch

	Score float64 // least score of a box; 0 means the decoder's own
	IoU   float64 // of two boxes that overlap more, the better stays; 0 means the decoder's own
	Most  int     // most boxes; 0 means 300

	// AnyClass makes a box suppress boxes of all classes, not of its own alone.
	AnyClass bool

	// Relative says that coordinates are shares of the input's size. It is for yolov5,
	// yolov8, yolov10, yolonas and selected, which otherwise have pixels.
	Relative bool

	// Points is how many key points the rows of a yolov8 have: 17 for people in COCO.
	Points int

	// Roles names the outputs by what they are, such as "boxes" or "scores". It is only
	// needed where neither shape nor name says so. An error names the role.
	Roles map[string]string
}

// decoder is one meaning of outputs.
type decoder struct {
	name   string
	also   []string // further names
	shapes string   // of the outputs, for people
	labels []string // names of the classes, where they are always the same
	score  float64  // least score, as usual with this decoder
	iou    float64  // likewise; 0 means that no box suppresses another
	roles  string   // that Options.Roles may name, with spaces between
	read   func(*call) error
}

func decoders() []decoder {
	face := []string{"face"}
	strides := "cls_8 obj_8 bbox_8 kps_8 cls_16 obj_16 bbox_16 kps_16 cls_32 obj_32 bbox_32 kps_32"
	return []decoder{
		{name: "yolov5", also: []string{"yolov3", "yolov6", "yolov7", "yolox_decoded"}, shapes: "[B, N, 5+C]", score: 0.25, iou: 0.45, roles: "boxes", read: yolov5},
		{name: "yolov8", also: []string{"yolov9", "yolo11", "yolo12"}, shapes: "[B, 4+C, N], for masks also [B, M, h, w]", score: 0.25, iou: 0.7, roles: "boxes masks", read: yolov8},
		{name: "yolov10", also: []string{"end2end"}, shapes: "[B, N, 6]", score: 0.25, roles: "boxes", read: yolov10},
		{name: "yolox", shapes: "[B, N, 5+C], without the grid", score: 0.3, iou: 0.45, roles: "boxes", read: yolox},
		{name: "yolonas", shapes: "boxes [B, N, 4], scores [B, N, C]", score: 0.25, iou: 0.7, roles: "boxes scores", read: yolonas},
		{name: "ssd", shapes: "boxes [B, N, 4], scores [B, N, 1+C]", score: 0.5, iou: 0.45, roles: "boxes scores", read: ssd},
		{name: "ssd_priors", shapes: "offsets [B, N, 4], scores [B, N, 1+C], priors [N, 4]", score: 0.5, iou: 0.45, roles: "offsets scores priors", read: ssdPriors},
		{name: "tf", shapes: "detection_boxes [B, N, 4], detection_scores, detection_classes [B, N], num_detections [B]", score: 0.5, roles: "boxes scores labels count", read: tensorflow},
		{name: "selected", also: []string{"torchvision"}, shapes: "boxes [B, N, 4], labels and scores [B, N], or without B", score: 0.5, roles: "boxes scores labels", read: selected},
		{name: "detr", shapes: "logits [B, N, C+1], boxes [B, N, 4]", score: 0.5, roles: "boxes logits", read: detr},
		{name: "rtdetr", also: []string{"deformable_detr", "dfine", "rfdetr"}, shapes: "logits [B, N, C], boxes [B, N, 4], or [B, N, 4+C]", score: 0.5, roles: "boxes logits", read: rtdetr},
		{name: "ultraface", shapes: "scores [B, N, 2], boxes [B, N, 4]", labels: face, score: 0.7, iou: 0.3, roles: "boxes scores", read: ultraface},
		{name: "blazeface", shapes: "scores [B, 896, 1], offsets [B, 896, 16], each also in two parts", labels: face, score: 0.5, iou: 0.3, read: blazeface},
		{name: "yunet", shapes: "cls_8, obj_8 [B, N, 1], bbox_8 [B, N, 4], kps_8 [B, N, 10], and so for 16 and 32", labels: face, score: 0.6, iou: 0.3, roles: strides, read: yunet},
	}
}

// Names lists the decoders. Some have further names, such as yolo11 for yolov8.
func Names() []string {
	var all []string
	for _, d := range decoders() {
		all = append(all, d.name)
	}
	return all
}

// Check returns an error that lists the decoders unless name is one of them.
func Check(name string) error {
	_, err := lookup(name)
	return err
}

// Labels returns the names of a decoder's classes if they are always the same, as of
// faces. Otherwise it returns nil.
func Labels(name string) []string {
	d, err := lookup(name)
	if err != nil {
		return nil
	}
	return d.labels
}

func lookup(name string) (decoder, error) {
	for _, d := range decoders() {
		if d.name == name || slices.Contains(d.also, name) {
			return d, nil
		}
	}
	return decoder{}, fmt.Errorf("decode: no decoder %q; there are %s", name, strings.Join(Names(), ", "))
}

// Boxes returns the boxes in the outputs of a network, the best first. name is the
// decoder's, and outputs are by their names in the file. Boxes whose numbers are not
// finite, and those without an area, are left out.
func Boxes(name string, outputs map[string]*tensor.Tensor, o Options) ([]Box, error) {
	f, err := Find(name, outputs, o)
	return f.Boxes, err
}

// Found is what Find returns.
type Found struct {
	Boxes      []Box
	Classes    int  // how many the network has; 0 if the outputs do not show it
	Background bool // class 0 is the background, and counts
}

// Find is Boxes, and says what the outputs show of the classes.
func Find(name string, outputs map[string]*tensor.Tensor, o Options) (Found, error) {
	var none Found
	d, err := lookup(name)
	if err != nil {
		return none, err
	}
	if min(o.Size[0], o.Size[1]) < 1 || max(o.Size[0], o.Size[1]) > 1<<20 {
		return none, fmt.Errorf("decode: %s: an input of %d×%d pixels", name, o.Size[1], o.Size[0])
	}
	if o.Image < 0 || o.Most < 0 || o.Points < 0 || o.Points > 1<<12 || !(o.Score >= 0 && o.IoU >= 0) {
		return none, fmt.Errorf("decode: %s: an option is negative or too large", name)
	}
	for out, t := range outputs {
		if t == nil || slices.ContainsFunc(t.Shape, func(n int) bool { return n < 0 }) || t.Shape.Len() != len(t.Data) {
			return none, fmt.Errorf("decode: %s: output %q does not have the elements of its shape", name, out)
		}
	}
	if err := d.check(o.Roles, outputs); err != nil {
		return none, fmt.Errorf("decode: %s: %w", name, err)
	}
	o.Score, o.Most = cmp.Or(o.Score, d.score), cmp.Or(o.Most, 300)
	if d.iou > 0 {
		d.iou = cmp.Or(o.IoU, d.iou)
	}
	c := &call{name: name, outputs: outputs, o: o, iou: d.iou}
	if err := d.read(c); err != nil {
		return none, fmt.Errorf("decode: %s: %w", name, err)
	}
	if c.odd != nil {
		return none, fmt.Errorf("decode: %s: %w; the decoder may be another", name, c.odd)
	}
	return Found{c.best(), c.classes, c.background}, nil
}

// call is the work of one call of Boxes.
type call struct {
	name    string
	outputs map[string]*tensor.Tensor
	o       Options
	iou     float64 // see decoder
	found   []Box
	classes int // see Found

	background bool     // see Found
	used       []string // outputs that have their role
	odd        error    // a number that the decoder's outputs cannot have

	blend  bool          // overlapping boxes are averaged, see blended
	finish func(b []Box) // completes the boxes that stay
	rows   []int         // of the boxes in found, if finish needs them
}

// enough reports whether a score is high enough.
func (c *call) enough(score float32) bool {
	const slack = 1e-3 // f16 and sums of f32 may pass 1
	if score < -slack || score > 1+slack {
		c.odd = fmt.Errorf("a score of %v, which is not in 0…1", score)
	}
	return float64(score) >= c.o.Score
}

// add keeps a box if its score is high enough, and reports whether it did.
func (c *call) add(bounds [4]float32, class int, score float32, points []Point) bool {
	if !c.enough(score) || bounds[0] >= bounds[2] || bounds[1] >= bounds[3] {
		return false
	}
	all := bounds[:]
	for _, p := range points {
		all = append(all, p.X, p.Y, p.Score)
	}
	if slices.ContainsFunc(all, func(v float32) bool { return v-v != 0 }) { // infinite or NaN
		return false
	}
	c.found = append(c.found, Box{Bounds: bounds, Class: class, Score: min(score, 1), Points: points})
	return true
}

// best selects among the boxes found.
func (c *call) best() []Box {
	boxes, scores, classes := make([][4]float32, len(c.found)), make([]float32, len(c.found)), make([]int, len(c.found))
	for i, b := range c.found {
		boxes[i], scores[i], classes[i] = b.Bounds, b.Score, b.Class
	}
	if c.o.AnyClass {
		classes = nil
	}
	iou := c.iou
	if iou == 0 {
		iou = math.Inf(1)
	}
	keep := NMS(boxes, scores, classes, iou, c.o.Most)
	all := make([]Box, len(keep))
	rows := make([]int, len(keep))
	for k, i := range keep {
		all[k] = c.found[i]
		if c.blend {
			all[k] = c.blended(i)
		}
		if c.rows != nil {
			rows[k] = c.rows[i]
		}
	}
	if c.finish != nil {
		c.rows = rows
		c.finish(all)
	}
	return all
}

// corners returns the box with centre (x, y) and size w×h.
func corners(x, y, w, h float32) [4]float32 {
	return [4]float32{x - w/2, y - h/2, x + w/2, y + h/2}
}

// scaled returns a box whose coordinates are shares of the input's size in pixels.
func (c *call) scaled(b [4]float32) [4]float32 {
	h, w := float32(c.o.Size[0]), float32(c.o.Size[1])
	return [4]float32{b[0] * w, b[1] * h, b[2] * w, b[3] * h}
}

// pixels is scaled if the coordinates are relative.
func (c *call) pixels(b [4]float32) [4]float32 {
	if c.o.Relative {
		return c.scaled(b)
	}
	return b
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
