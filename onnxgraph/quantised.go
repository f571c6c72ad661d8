package onnxgraph

import "fmt"

// A Quantisation says what the elements q of an 8-bit weight stand for:
//
//	scale · (q - zero)
//
// with one scale and zero point for all, for each slot of an axis, or for each
// block of slots.
type Quantisation struct {
	Scale, Zero *Weight // nil where they are not known, or computed
	axis        int     // of the weight, along which a vector of scales stands
}

// quantisedInput tells where an operator reads a quantised weight, its scale and
// its zero point; -1 where it reads none. Vectors stand along axis, which counts
// from the end below zero.
type quantisedInput struct {
	weight, scale, zero int
	axis                func(n *Node) int
}

func alongAxis(k int) func(*Node) int { return func(*Node) int { return k } }

// dequantiseAxis is the axis of DequantizeLinear: 1 unless it says otherwise.
func dequantiseAxis(n *Node) int {
	if a, ok := n.Attrs["axis"]; ok {
		return int(a.Int)
	}
	return 1
}

// gemmAxis is the axis of a Gemm's columns in its second input.
func gemmAxis(n *Node) int {
	if n.Attrs["transB"].Int != 0 {
		return 0
	}
	return 1
}

// quantisedInputs are the operators that read 8-bit weights, as on the operator
// pages of ONNX and of ONNX Runtime.
var quantisedInputs = map[opKey][]quantisedInput{
	{"", "DequantizeLinear"}:             {{0, 1, 2, dequantiseAxis}},
	{microsoft, "DequantizeLinear"}:      {{0, 1, 2, dequantiseAxis}},
	{"", "QLinearConv"}:                  {{3, 4, 5, alongAxis(0)}},
	{"", "QLinearMatMul"}:                {{0, 1, 2, alongAxis(-2)}, {3, 4, 5, alongAxis(-1)}},
	{"", "MatMulInteger"}:                {{1, -1, 3, alongAxis(-1)}},
	{"", "ConvInteger"}:                  {{1, -1, 3, alongAxis(0)}},
	{microsoft, "QGemm"}:                 {{3, 4, 5, gemmAxis}},
	{microsoft, "QAttention"}:            {{1, 4, 7, alongAxis(-1)}},
	{microsoft, "MatMulIntegerToFloat"}:  {{1, 3, 5, alongAxis(-1)}},
	{microsoft, "DynamicQuantizeMatMul"}: {{1, 2, 3, alongAxis(-1)}},
	{microsoft, "DynamicQuantizeLSTM"}:   {{1, 8, 9, alongAxis(0)}, {2, 10, 11, alongAxis(0)}},
	{microsoft, "QEmbedLayerNormalization"}: {
		{2, 8, 13, alongAxis(0)}, {3, 9, 14, alongAxis(0)}, {4, 10, 15, alongAxis(0)}, {5, 11, 16, alongAxis(0)}, {6, 12, 17, alongAxis(0)},
	},
}

// Quantisations finds what the 8-bit weights of a model stand for.
func Quantisations(m *Model) map[*Weight]Quantisation {
	out := map[*Weight]Quantisation{}
	var graph func(g *Graph)
	graph = func(g *Graph) {
		for _, n := range g.Nodes {
			for _, in := range quantisedInputs[n.key()] {
				if w := n.weightAt(in.weight); w != nil {
					out[w] = Quantisation{n.weightAt(in.scale), n.weightAt(in.zero), in.axis(n)}
				}
			}
			for _, body := range n.Bodies() {
				graph(body)
			}
		}
	}
	graph(m.Graph)
	return out
}

// weightAt returns the weight that is input i, or nil.
func (n *Node) weightAt(i int) *Weight {
	if i < 0 || i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil
	}
	return n.Inputs[i].Weight
}

// Dequantised returns the numbers that the elements of an 8-bit weight stand
// for. A scale that is not known is 1/128, so that they lie between -1 and 1; a
// zero point that is not known is the middle of the type. The zero Quantisation
// knows neither. Cost: one pass over the elements.
func (m *Model) Dequantised(w *Weight, q Quantisation) ([]float32, error) {
	raw, err := m.Float32s(w)
	if err != nil {
		return nil, err
	}
	scale, scaleAt, err := m.spread(w, q.Scale, q.axis, 1.0/128)
	if err != nil {
		return nil, err
	}
	middle := float32(0)
	if w.Type == Uint8 {
		middle = 128
	}
	zero, zeroAt, err := m.spread(w, q.Zero, q.axis, middle)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(raw))
	for i, x := range raw {
		out[i] = scale[scaleAt(int64(i))] * (x - zero[zeroAt(int64(i))])
	}
	return out, nil
}

// spread returns the numbers of a scale or zero point and which of them belongs
// to each element of w.
func (m *Model) spread(w, s *Weight, axis int, otherwise float32) (numbers []float32, at func(i int64) int64, err error) {
	one := func(int64) int64 { return 0 }
	if s == nil {
		return []float32{otherwise}, one, nil
	}
	if numbers, err = m.Float32s(s); err != nil || len(numbers) == 1 {
		return numbers, one, err
	}
	shape, ok := aligned(s.Shape, w.Shape, axis)
	if !ok {
		return nil, nil, fmt.Errorf("weight %q of shape %v has a scale or zero point %q of shape %v", w.Name, shown(w.Shape), s.Name, shown(s.Shape))
	}
	return numbers, func(i int64) int64 {
		place, stride := int64(0), int64(1)
		for k := len(shape) - 1; k >= 0; k-- {
			block := (w.Shape[k] + shape[k] - 1) / shape[k]
			place += i % w.Shape[k] / block * stride
			stride *= shape[k]
			i /= w.Shape[k]
		}
		return place
	}, nil
}

// aligned gives the shape of a scale the rank of its weight: a vector stands
// along the axis; two axes of three are the first and the last, as the directions
// and gates of an LSTM.
func aligned(scale, weight []int64, axis int) ([]int64, bool) {
	out := make([]int64, len(weight))
	for k := range out {
		out[k] = 1
	}
	if axis < 0 {
		axis += len(weight)
	}
	switch {
	case len(scale) == 1 && axis >= 0 && axis < len(weight):
		out[axis] = scale[0]
	case len(scale) == 2 && len(weight) == 3:
		out[0], out[2] = scale[0], scale[1]
	case len(scale) == len(weight):
		copy(out, scale)
	default:
		return nil, false
	}
	for k := range out {
		if out[k] < 1 || out[k] > weight[k] {
			return nil, false
		}
	}
	return out, true
}
