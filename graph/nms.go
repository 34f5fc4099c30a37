package graph

import (
	"fmt"
	"sort"

	"github.com/vertebra/vertebra/tensor"
)

// NonMaxSuppression chooses boxes of each class of each image, at most Most, the one
// with the highest score first. A box is left out if it overlaps one that is chosen:
//
//	intersection > IoU · union
//
// With Filter only boxes with a score above Score count. Of equal scores the first
// box comes first.
//
// Args: boxes [B, N, 4], each with two opposite corners [y, x, y, x], or with Centers
// [x, y, width, height]; scores [B, C, N]; with Count a number, and only as many boxes
// exist, the first of each image. Result: [B·C·min(Most, N), 3], rows [image,
// class, box] in this order. Rows of −1 follow those that are chosen.
type NonMaxSuppression struct {
	Most       int
	IoU, Score float64
	Filter     bool
	Centers    bool
	Count      bool // whether there is a number of boxes
}

// Name is "non_max_suppression" with the number of boxes and the thresholds.
func (o NonMaxSuppression) Name() string {
	s := fmt.Sprintf("non_max_suppression %d iou %g", o.Most, o.IoU)
	if o.Filter {
		s += fmt.Sprintf(" score %g", o.Score)
	}
	if o.Count {
		s += " counted"
	}
	return s
}

// Shape checks the scores against the boxes.
func (o NonMaxSuppression) Shape(args []tensor.Shape) (tensor.Shape, error) {
	n := 2
	if o.Count {
		n = 3
	}
	if len(args) != n || o.Count && args[2].Len() != 1 || len(args[0]) != 3 || len(args[1]) != 3 || args[0][2] != 4 ||
		args[0][0] != args[1][0] || args[0][1] != args[1][2] {
		return nil, fmt.Errorf("arguments are %v, want boxes [B, N, 4], scores [B, C, N] and, with Count, a number", args)
	}
	if n := args[0][1]; o.Most < 1 || n > 1<<24 {
		return nil, fmt.Errorf("%d of %d boxes wanted", o.Most, n)
	}
	return tensor.Shape{args[1][0] * args[1][1] * min(o.Most, args[0][1]), 3}, nil
}

// corners returns the lower and the higher corner of a box.
func (o NonMaxSuppression) corners(box []float32) (low, high [2]float64) {
	for d := range low {
		a, b := float64(box[d]), float64(box[2+d])
		if o.Centers {
			a, b = a-b/2, a+b/2
		}
		low[d], high[d] = min(a, b), max(a, b)
	}
	return low, high
}

// overlap reports whether two boxes overlap by more than IoU.
func (o NonMaxSuppression) overlap(a, b []float32) bool {
	aLow, aHigh := o.corners(a)
	bLow, bHigh := o.corners(b)
	both, one, two := 1.0, 1.0, 1.0
	for d := range aLow {
		both *= max(min(aHigh[d], bHigh[d])-max(aLow[d], bLow[d]), 0)
		one *= aHigh[d] - aLow[d]
		two *= bHigh[d] - bLow[d]
	}
	return both > 0 && both > o.IoU*(one+two-both)
}

// Eval chooses the boxes.
func (o NonMaxSuppression) Eval(args []*tensor.Tensor) *tensor.Tensor {
	boxes, scores := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	for i := range y.Data {
		y.Data[i] = -1
	}
	classes, n := scores.Shape[1], scores.Shape[2]
	some := n
	if o.Count {
		some = min(max(int(args[2].Data[0]), 0), n)
	}
	rows := y.Data
	for line := range scores.Shape[0] * classes {
		of := boxes.Data[line/classes*n*4:]
		score := scores.Data[line*n : line*n+some]
		var left []int
		for i, s := range score {
			if s == s && (!o.Filter || s > float32(o.Score)) {
				left = append(left, i)
			}
		}
		sort.SliceStable(left, func(i, j int) bool { return score[left[i]] > score[left[j]] })
		var chosen []int
	next:
		for _, i := range left {
			for _, j := range chosen {
				if o.overlap(of[4*i:4*i+4], of[4*j:4*j+4]) {
					continue next
				}
			}
			if len(chosen) == o.Most {
				break
			}
			chosen = append(chosen, i)
			rows[0], rows[1], rows[2] = float32(line/classes), float32(line%classes), float32(i)
			rows = rows[3:]
		}
	}
	return y
}

// FLOPs counts one comparison of each box with each chosen one.
func (o NonMaxSuppression) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	return int64(args[0][1]) * int64(result[0])
}
