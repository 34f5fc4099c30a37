package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// UNetPP is the nested U-Net, U-Net++, of Zhou et al. (arXiv:1807.10165). Node
// x(i,j) at 1/2^i of the image joins x(i,0) … x(i,j-1) and the enlarged x(i+1,j-1).
// With deep supervision each x(0,j) has a head, and the network may be pruned
// after any of them.
type UNetPP struct {
	Conv00 *vggBlock `weight:"conv0_0"`
	Conv10 *vggBlock `weight:"conv1_0"`
	Conv20 *vggBlock `weight:"conv2_0"`
	Conv30 *vggBlock `weight:"conv3_0"`
	Conv40 *vggBlock `weight:"conv4_0"`
	Conv01 *vggBlock `weight:"conv0_1"`
	Conv11 *vggBlock `weight:"conv1_1"`
	Conv21 *vggBlock `weight:"conv2_1"`
	Conv31 *vggBlock `weight:"conv3_1"`
	Conv02 *vggBlock `weight:"conv0_2"`
	Conv12 *vggBlock `weight:"conv1_2"`
	Conv22 *vggBlock `weight:"conv2_2"`
	Conv03 *vggBlock `weight:"conv0_3"`
	Conv13 *vggBlock `weight:"conv1_3"`
	Conv04 *vggBlock `weight:"conv0_4"`

	Final  *layers.Conv2d `weight:"final"`  // on x(0,4); nil with deep supervision
	Final1 *layers.Conv2d `weight:"final1"` // on x(0,1); Final1 to Final4 are nil without it
	Final2 *layers.Conv2d `weight:"final2"`
	Final3 *layers.Conv2d `weight:"final3"`
	Final4 *layers.Conv2d `weight:"final4"`

	// Depth is the number of heads of deep supervision to use, 1 to 4. Only the
	// nodes that they need are computed.
	Depth int
}

// UNetPPConfig says which form of the network.
type UNetPPConfig struct {
	Channels        int // of the images; 0 means 3
	Classes         int // 0 means 1
	Width           int // channels of x(0,j); 0 means 32
	DeepSupervision bool
	Plain           bool // a U-Net with the same blocks, without the nodes in the middle
}

// NewUNetPP declares the network.
func NewUNetPP(c UNetPPConfig) *UNetPP {
	width, classes := or(c.Width, 32), or(c.Classes, 1)
	m := &UNetPP{Depth: 4}
	for i, row := range m.nodes() {
		for j, node := range row {
			out := width << i
			in, beside := 3*out, 0 // channels from below, and nodes on the left
			switch {
			case j == 0 && i == 0:
				in = or(c.Channels, 3)
			case j == 0:
				in = out / 2
			case c.Plain && i+j < 4:
				continue
			case !c.Plain:
				beside = j - 1
			}
			*node = newVGGBlock(in+beside*out, out, out)
		}
	}
	head := func() *layers.Conv2d { return layers.NewConv2d(width, classes, graph.Both(1), graph.Conv2d{}) }
	if c.DeepSupervision {
		m.Final1, m.Final2, m.Final3, m.Final4 = head(), head(), head(), head()
	} else {
		m.Final = head()
	}
	return m
}

// nodes points to all x(i,j): row i holds those at 1/2^i of the image.
func (m *UNetPP) nodes() [5][]**vggBlock {
	return [5][]**vggBlock{
		{&m.Conv00, &m.Conv01, &m.Conv02, &m.Conv03, &m.Conv04},
		{&m.Conv10, &m.Conv11, &m.Conv12, &m.Conv13},
		{&m.Conv20, &m.Conv21, &m.Conv22},
		{&m.Conv30, &m.Conv31},
		{&m.Conv40},
	}
}

// Forward maps images [B, H, W, channels] to the logits of each pixel
// [B, H, W, classes] from the last head. H and W are multiples of 2^Depth.
func (m *UNetPP) Forward(x *graph.Value) *graph.Value {
	outputs := m.Outputs(x)
	return outputs[len(outputs)-1].Value
}

// Outputs returns "out" or, with deep supervision, "out0" from x(0,1) to "out3"
// from x(0,4), as many as Depth says.
func (m *UNetPP) Outputs(x *graph.Value) []graph.Output {
	depth := 4
	if m.Final == nil {
		depth = min(max(m.Depth, 1), 4)
	}
	nodes := m.nodes()
	var at [5][]*graph.Value
	for i := range depth + 1 { // one step down, then up along the diagonal
		if i > 0 {
			x = halve(at[i-1][0], false)
		}
		at[i] = append(at[i], (*nodes[i][0]).Forward(x).Stage(fmt.Sprintf("conv%d_0", i)))
		for j := 1; j <= i; j++ {
			row := i - j
			if node := *nodes[row][j]; node != nil {
				below := magnify(at[row+1][len(at[row+1])-1], 2, true)
				joined := graph.Cat(-1, append(at[row][:len(at[row]):len(at[row])], below)...)
				at[row] = append(at[row], node.Forward(joined).Stage(fmt.Sprintf("conv%d_%d", row, j)))
			}
		}
	}
	if m.Final != nil {
		return []graph.Output{{Name: "out", Value: m.Final.Forward(at[0][len(at[0])-1])}}
	}
	var outputs []graph.Output
	for j, head := range []*layers.Conv2d{m.Final1, m.Final2, m.Final3, m.Final4}[:depth] {
		outputs = append(outputs, graph.Output{Name: fmt.Sprintf("out%d", j), Value: head.Forward(at[0][j+1])})
	}
	return outputs
}

// vggBlock is two times a 3×3 convolution, batch norm and ReLU.
type vggBlock struct {
	Conv1 *layers.Conv2d    `weight:"conv1"`
	BN1   *layers.BatchNorm `weight:"bn1"`
	Conv2 *layers.Conv2d    `weight:"conv2"`
	BN2   *layers.BatchNorm `weight:"bn2"`
}

func newVGGBlock(in, mid, out int) *vggBlock {
	pad := graph.Conv2d{Pad: graph.Both(1)}
	return &vggBlock{
		Conv1: layers.NewConv2d(in, mid, graph.Both(3), pad),
		BN1:   layers.NewBatchNorm(mid),
		Conv2: layers.NewConv2d(mid, out, graph.Both(3), pad),
		BN2:   layers.NewBatchNorm(out),
	}
}

// Forward maps [B, H, W, in] to [B, H, W, out].
func (m *vggBlock) Forward(x *graph.Value) *graph.Value {
	return convReLU(m.Conv2, m.BN2, convReLU(m.Conv1, m.BN1, x))
}
