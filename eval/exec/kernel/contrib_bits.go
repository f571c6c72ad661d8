package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// prepareMatMulNBits prepares MatMulNBits: the product of input 0 and the transpose of weights N by K of 2, 4 or 8
// bits, in blocks along K that have a scale and a zero point each.
func prepareMatMulNBits(n *Node) (Kernel, error) {
	b := &bitWeights{rows: int(n.Int("N", 0)), cols: int(n.Int("K", 0)), bits: int(n.Int("bits", 4)), block: int(n.Int("block_size", 0))}
	if b.rows <= 0 || b.cols <= 0 || b.block <= 0 || b.bits != 2 && b.bits != 4 && b.bits != 8 {
		return nil, fmt.Errorf("weights of %d by %d numbers of %d bits in blocks of %d", b.rows, b.cols, b.bits, b.block)
	}
	if n.Has(4) {
		return nil, fmt.Errorf("an order of the groups, input 4, is not supported")
	}
	if n.Has(5) && n.Constant(5) == nil {
		return nil, fmt.Errorf("a bias that is not constant is not supported")
	}
	var known *Tensor
	if constantOrLeftOut(n, 3) {
		var err error
		if known, err = b.floats(n.Constant(1), n.Constant(2), n.Constant(3)); err != nil {
			return nil, err
		}
	}
	run, err := prepareMatMul(&Node{Op: "MatMul", Const: []*Tensor{nil, known, n.Constant(5)}, Given: []bool{true, true, n.Has(5)},
		Attrs: map[string]onnxgraph.Attr{"transB": {Kind: onnxgraph.AttrInt, Int: 1}}})
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		w := known
		if w == nil {
			var err error
			if w, err = b.floats(c.In[1], c.In[2], c.Input(3)); err != nil {
				return err
			}
		}
		c.In[1] = w
		return run(c)
	}, nil
}

// bitWeights says how a matrix of few bits is stored: row by row, the blocks of a row one after the other, each of a
// whole number of bytes, the first number in the low bits.
type bitWeights struct{ rows, cols, bits, block int }

// floats returns the numbers that stored weights stand for, rows by cols; nil without weights or scales.
func (b *bitWeights) floats(stored, scales, zeros *Tensor) (*Tensor, error) {
	if stored == nil || scales == nil {
		return nil, nil
	}
	data, ok := stored.Data.([]uint8)
	scale, err := floats64(scales)
	if err != nil {
		return nil, err
	}
	blocks := (b.cols + b.block - 1) / b.block
	perBlock := b.block * b.bits / 8
	if !ok || len(data) != b.rows*blocks*perBlock || len(scale) != b.rows*blocks {
		return nil, fmt.Errorf("weights of shape %v and %d scales for %d by %d numbers", stored.Shape, len(scale), b.rows, b.cols)
	}
	zero, err := b.zeros(zeros, blocks)
	if err != nil {
		return nil, err
	}
	out := make([]float32, b.rows*b.cols)
	for i := range out {
		row, col := i/b.cols, i%b.cols
		k := row*blocks + col/b.block
		q := b.at(data[k*perBlock:], col%b.block)
		out[i] = float32((float64(q) - zero[k]) * scale[k])
	}
	return &Tensor{Type: onnxgraph.Float32, Shape: []int{b.rows, b.cols}, Data: out}, nil
}

// at returns number i of packed ones.
func (b *bitWeights) at(data []uint8, i int) uint8 {
	per := 8 / b.bits
	return data[i/per] >> (i % per * b.bits) & uint8(1<<b.bits-1)
}

// zeros returns the zero point of every block: floats, packed numbers, each row of which fills whole bytes, or half of
// the range.
func (b *bitWeights) zeros(t *Tensor, blocks int) ([]float64, error) {
	n := b.rows * blocks
	if t == nil {
		return slices.Repeat([]float64{float64(int(1) << (b.bits - 1))}, n), nil
	}
	data, packed := t.Data.([]uint8)
	if !packed {
		v, err := floats64(t)
		if err == nil && len(v) != n {
			err = fmt.Errorf("%d zero points for %d blocks", len(v), n)
		}
		return v, err
	}
	perRow := (blocks*b.bits + 7) / 8
	if len(data) != b.rows*perRow {
		return nil, fmt.Errorf("zero points of shape %v for %d rows of %d blocks", t.Shape, b.rows, blocks)
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(b.at(data[i/blocks*perRow:], i%blocks))
	}
	return out, nil
}
