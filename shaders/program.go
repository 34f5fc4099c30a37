package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Program is one way to compute one op.
type Program struct {
	Name    string         // as in plans, profiles and tuning files: "conv2d_gemm 64x64x16"
	Kernels []Kernel       // run in order
	Scratch []int          // elements of each temporary
	Pack    map[int]Layout // of constant args, applied once, when a plan is compiled

	exact  bool    // its weights must not be rounded
	clocks float64 // guessed time on a GPU, if it competes with other ways
}

// Layout is the order in which a kernel wants a constant. Pack returns t in that order, in
// memory of s, or in its own if nothing moves. Layouts of one constant differ in Name.
type Layout struct {
	Name string
	Pack func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor

	// Moves says that Pack does no arithmetic, and takes a tensor with Halves, too. It
	// then returns one.
	Moves bool
}

// moves is a Layout that moves numbers.
func moves(name string, pack func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor) Layout {
	return Layout{name, pack, true}
}

// Kind is a kind of device. It decides which kernels come first.
type Kind uint8

// The kinds of device.
const (
	GPU Kind = iota // many narrow processors with workgroup memory
	CPU             // a software device: wide vectors, slow barriers
)

// String returns the kind's name.
func (k Kind) String() string {
	if k == CPU {
		return "CPUs"
	}
	return "GPUs"
}

// Limits says what a device allows, and of which kind it is.
type Limits struct {
	Kind             Kind
	StorageBinding   int64 // bytes
	StorageBuffers   int   // in a kernel
	WorkgroupMemory  int   // bytes
	WorkgroupSize    int   // invocations
	WorkgroupsPerDim int
	F16              bool // kernels may have the type f16

	// ReadsApart is set if the driver's compiler joins reads of neighbours, and drops all
	// of them if the first is outside its buffer. Microsoft's for Direct3D 12 does.
	ReadsApart bool

	wide bool // set by Search: Programs lists more than the good guesses
}

// Default has the limits that WebGPU guarantees.
var Default = Limits{
	StorageBinding:   128 << 20,
	StorageBuffers:   8,
	WorkgroupMemory:  16 << 10,
	WorkgroupSize:    256,
	WorkgroupsPerDim: 65535,
}

// Programs lists the programs for a call, the best guess for the device first. The list is
// empty if no kernel can compute it, or if an arg has no elements. A plan then runs the op's
// Eval.
func Programs(c Call, lim Limits) []Program {
	args, result := c.Args, c.Result
	if result == nil {
		var err error
		if result, err = c.Op.Shape(args); err != nil {
			return nil
		}
	}
	for _, s := range append(args[:len(args):len(args)], result) {
		if s.Len() == 0 {
			return nil
		}
	}
	switch op := c.Op.(type) {
	case graph.Conv2d:
		return conv2d(c.conv(op), args, result, lim)
	case graph.ConvTranspose2d:
		return convTranspose2d(c.convTransposed(op), args, result, lim)
	case graph.MatMul:
		return matmul(op, args, result, lim)
	case graph.Linear:
		return linear(dense{op, c.Onto > 0}, args, result, lim)
	case graph.BatchNorm:
		return batchNorm(op, args, result)
	case graph.Activate:
		return activate(op, result)
	case graph.Unary:
		return unary(op, result)
	case graph.Binary:
		return binary(op, c.Onto, args, result)
	case graph.Pointwise:
		return pointwise(op, c.Onto, args, result)
	case graph.Where:
		return where(args, result)
	case graph.PixelShuffle:
		return pixelShuffle(op, result, lim)
	case graph.PixelUnshuffle:
		return pixelUnshuffle(op, result, lim)
	case graph.Resample:
		return resample(op, args, result)
	case graph.Resize:
		return resize(op, c.Part, args, result, lim)
	case graph.Concat:
		return concat(op, args, result)
	case graph.Permute:
		return permute(op, args, result, lim)
	case graph.Expand:
		return expand(op, args, result, lim)
	case graph.Slice:
		return slice(op, args, result, lim)
	case graph.Pad:
		return pad(op, c.Part, args, result)
	case graph.Roll:
		return roll(op, args, result)
	case graph.AdaptivePool2d:
		return adaptivePool2d(op, c.Part, args, result, lim)
	case graph.Argmax:
		return argmax(op, args, lim)
	case graph.Argsort:
		return argsort(op, args, lim)
	case graph.AvgPool2d:
		return avgPool2d(op, c.Part, args, result, lim)
	case graph.CumSum:
		return cumSum(op, args, lim)
	case graph.CosineSimilarity:
		return cosineSimilarity(op, args, result, lim)
	case graph.GroupNorm:
		return groupNorm(op, args, result, lim)
	case graph.LayerNorm:
		return layerNorm(op, args, result, lim)
	case graph.LocalResponseNorm:
		return localResponseNorm(op, result)
	case graph.MaxPool2d:
		return maxPool2d(op, c.Part, args, result, lim)
	case graph.MaxPool2dIndex:
		return maxPool2dIndex(op, args, result)
	case graph.Normalize:
		return normalize(op, args, lim)
	case graph.Reduce:
		return reduction(op, args, result, lim)
	case graph.RMSNorm:
		return rmsNorm(op, args, result, lim)
	case graph.Softmax:
		return softmax(op, args, lim)
	case graph.TopK:
		return topK(op, args, lim)
	case graph.Attention:
		return attention(op, args, lim)
	case graph.RelPos:
		return relPos(op, args, result)
	case graph.RelPosTable:
		return relPosTable(op, args, result)
	case graph.Gather:
		return gather(op, args, result)
	case graph.GatherND:
		return gatherND(op, args, result)
	case graph.Scatter:
		return scatter(op, args, result)
	case graph.ScatterND:
		return scatterND(op, args, result)
	case graph.Select:
		return selectAlong(op, args, result)
	case graph.TakeRows:
		return takeRows(op, args, result)
	case graph.DeformColumns:
		return deformColumns(op, args, result)
	case graph.GridSample:
		return gridSample(op, args, result)
	case graph.NonMaxSuppression:
		return nonMaxSuppression(op, args, result, lim)
	case graph.RoiAlign:
		return roiAlign(op, args, result)
	case graph.Embedding:
		return embedding(args, result)
	case graph.PatchMerge:
		return patchMerge(args, result)
	case graph.WindowPartition:
		w, _ := op.Windows(args[0])
		return windowPartition(w, false, result)
	case graph.WindowReverse:
		w, _ := op.Windows(args[0])
		return windowPartition(w, true, result)
	case graph.WindowAttention:
		return windowAttention(op, args, result, lim)
	case graph.RelativePositionBias:
		return relativePositionBias(op, result)
	}
	return nil
}

// Flat returns the grid for n invocations in workgroups of the given size: one row, or rows
// of 32768. An invocation finds its number with flat_index of lib/index.
func Flat(n, size int) [3]int {
	groups := ceil(n, size)
	if groups <= 32768 {
		return [3]int{groups, 1, 1}
	}
	return [3]int{32768, ceil(groups, 32768), 1}
}

// preferred joins the programs for GPUs and those for CPUs. Those for the device come
// first.
func preferred(lim Limits, gpu, cpu []Program) []Program {
	if lim.Kind == GPU {
		return append(gpu[:len(gpu):len(gpu)], cpu...)
	}
	return append(cpu[:len(cpu):len(cpu)], gpu...)
}

func ceil(n, d int) int { return (n + d - 1) / d }

// with returns the constants of both sets. Those of more take precedence.
func (s Set) with(more Set) Set {
	out := Set{}
	for k, v := range s {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}
