package main

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// bound is the most bytes from memory over the least.
const bound = 1.25

// row is an op on inputs of these shapes.
type row struct {
	op   graph.Op
	args []tensor.Shape
}

// rows are ops that move data, in sizes as networks have them.
var rows = []row{
	{op: graph.Activate{Act: graph.ReLU}, args: []tensor.Shape{{1, 56, 56, 64}}},
	{op: graph.Unary{Chain: graph.Steps(graph.Step{Fn: graph.Exp})}, args: []tensor.Shape{{1, 56, 56, 64}}},
	{op: graph.Binary{}, args: []tensor.Shape{{1, 56, 56, 64}, {1, 56, 56, 64}}},
	{op: graph.Binary{}, args: []tensor.Shape{{1, 56, 56, 64}, {64}}},
	{op: graph.BatchNorm{}, args: []tensor.Shape{{1, 56, 56, 64}, {64}, {64}}},
	{op: graph.LayerNorm{Weight: true, Bias: true}, args: []tensor.Shape{{1, 197, 768}, {768}, {768}}},
	{op: graph.LayerNorm{Weight: true, Bias: true}, args: []tensor.Shape{{1, 3136, 96}, {96}, {96}}},
	{op: graph.RMSNorm{Weight: true}, args: []tensor.Shape{{1, 197, 768}, {768}}},
	{op: graph.GroupNorm{Groups: 32, Weight: true, Bias: true}, args: []tensor.Shape{{1, 32, 32, 256}, {256}, {256}}},
	{op: graph.Softmax{Axis: -1}, args: []tensor.Shape{{1000, 197}}},
	{op: graph.Softmax{Axis: -1}, args: []tensor.Shape{{300, 1000}}},
	{op: graph.Softmax{Axis: 1}, args: []tensor.Shape{{8, 21, 4096}}},
	{op: graph.Normalize{Axis: -1}, args: []tensor.Shape{{1000, 512}}},
	{op: graph.Reduce{Axes: graph.Dims(1)}, args: []tensor.Shape{{300, 1000}}},
	{op: graph.Reduce{Kind: graph.Max, Axes: graph.Dims(1)}, args: []tensor.Shape{{300, 1000}}},
	{op: graph.Reduce{Axes: graph.Dims(1, 2)}, args: []tensor.Shape{{8, 7, 7, 2048}}},
	{op: graph.MaxPool2d{Window: graph.Window{Size: graph.Both(3), Stride: graph.Both(2), Pad: graph.Both(1)}}, args: []tensor.Shape{{1, 112, 112, 64}}},
	{op: graph.MaxPool2d{Window: graph.Window{Size: graph.Both(3), Stride: graph.Both(1), Pad: graph.Both(1)}}, args: []tensor.Shape{{2, 28, 28, 192}}},
	{op: graph.MaxPool2d{Window: graph.Window{Size: graph.Both(2), Stride: graph.Both(2)}}, args: []tensor.Shape{{1, 112, 112, 64}}},
	{op: graph.AvgPool2d{Window: graph.Window{Size: graph.Both(2), Stride: graph.Both(2)}}, args: []tensor.Shape{{1, 56, 56, 128}}},
	{op: graph.AdaptivePool2d{Out: graph.Both(1)}, args: []tensor.Shape{{8, 7, 7, 2048}}},
	{op: graph.Resize{Size: graph.Both(112), Mode: graph.Bilinear}, args: []tensor.Shape{{1, 56, 56, 64}}},
	{op: graph.Resize{Size: graph.Both(112), Mode: graph.Bilinear}, args: []tensor.Shape{{1, 28, 28, 64}}},
	{op: graph.Resize{Size: graph.Both(112)}, args: []tensor.Shape{{1, 56, 56, 64}}},
	{op: graph.PixelShuffle{R: 3}, args: []tensor.Shape{{1, 128, 128, 9}}},
	{op: graph.PixelShuffle{R: 2}, args: []tensor.Shape{{1, 64, 64, 256}}},
	{op: graph.PixelUnshuffle{R: 2}, args: []tensor.Shape{{1, 128, 128, 64}}},
	{op: graph.Concat{Axis: 3}, args: []tensor.Shape{{1, 56, 56, 64}, {1, 56, 56, 64}}},
	{op: graph.PatchMerge{}, args: []tensor.Shape{{1, 56, 56, 96}}},
	{op: graph.LocalResponseNorm{Size: 5, Alpha: 1e-4, Beta: 0.75, K: 2}, args: []tensor.Shape{{1, 27, 27, 96}}},
}
