package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// prepareGatherBlocks prepares GatherBlockQuantized: Gather on data of few bits, of which blocks along one axis have a
// scale and a zero point each. Constant data is turned into floats once.
func prepareGatherBlocks(n *Node) (Kernel, error) {
	b := &blockedBits{axis: int(n.Int("quantize_axis", 1)), block: int(n.Int("block_size", 128)), bits: int(n.Int("bits", 4))}
	if b.block <= 0 || b.bits != 2 && b.bits != 4 && b.bits != 8 {
		return nil, fmt.Errorf("data of %d bits in blocks of %d", b.bits, b.block)
	}
	var known *Tensor
	if n.Constant(0) != nil && n.Constant(2) != nil && constantOrLeftOut(n, 3) {
		var err error
		if known, err = b.floats(n.Constant(0), n.Constant(2), n.Constant(3)); err != nil {
			return nil, err
		}
	}
	gather, err := prepareGather(&Node{Op: "Gather", Attrs: map[string]onnxgraph.Attr{
		"axis": {Kind: onnxgraph.AttrInt, Int: n.Int("gather_axis", 0)}}})
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		table := known
		if table == nil {
			var err error
			if table, err = b.floats(c.In[0], c.In[2], c.Input(3)); err != nil {
				return err
			}
		}
		c.In[0] = table
		return gather(c)
	}, nil
}

// blockedBits says how a tensor of few bits is stored: as 4-bit integers, or as bytes that hold several numbers of the
// last axis, the first in the low bits; blocks lie along one axis.
type blockedBits struct{ axis, block, bits int }

// floats returns the numbers that a stored tensor stands for.
func (b *blockedBits) floats(stored, scales, zeros *Tensor) (*Tensor, error) {
	axis, err := axisOf(b.axis, len(stored.Shape))
	if err != nil {
		return nil, err
	}
	shape, middle := slices.Clone(stored.Shape), 0.0
	if stored.Type == onnxgraph.Uint8 {
		shape[len(shape)-1] *= 8 / b.bits
		middle = float64(int(1) << (b.bits - 1))
	}
	q, err := b.unpacked(stored)
	if err != nil {
		return nil, err
	}
	scale, err := floats64(scales)
	if err != nil {
		return nil, err
	}
	zero := slices.Repeat([]float64{middle}, len(scale))
	if zeros != nil {
		if zero, err = b.unpacked(zeros); err != nil {
			return nil, err
		}
	}
	outer, n, inner := split3(shape, axis)
	blocks := (n + b.block - 1) / b.block
	if want := outer * blocks * inner; len(scale) != want || len(zero) != want {
		return nil, fmt.Errorf("%d scales and %d zero points for %d blocks", len(scale), len(zero), want)
	}
	y := make([]float32, len(q))
	for i, v := range q {
		k := (i/(n*inner)*blocks+i/inner%n/b.block)*inner + i%inner
		y[i] = float32((v - zero[k]) * scale[k])
	}
	return &Tensor{Type: onnxgraph.Float32, Shape: shape, Data: y}, nil
}

// unpacked returns the numbers of a tensor as they are stored.
func (b *blockedBits) unpacked(x *Tensor) ([]float64, error) {
	data, ok := x.Data.([]uint8)
	if !ok || x.Type != onnxgraph.Uint8 {
		return floats64(x)
	}
	per := 8 / b.bits
	out := make([]float64, len(data)*per)
	for i := range out {
		out[i] = float64(data[i/per] >> (i % per * b.bits) & uint8(1<<b.bits-1))
	}
	return out, nil
}
