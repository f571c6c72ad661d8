package permspec_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// Weights are found wherever a file keeps them.
func TestWhereWeightsHide(t *testing.T) {
	const tail = `
		h = MatMul(x, v)
		r = Relu(h)
		y = MatMul(r, out)
		out = 5x2
		x: 2x3
		-> y`
	for name, c := range map[string]struct {
		net
		want map[string]string
	}{
		"transpose": {net{text: "w = 5x3\nv = Transpose(w)" + tail}, map[string]string{"w": "a #3", "out": "a #2"}},
		"reshape":   {net{text: "w = 15\ns = [3,5]\nv = Reshape(w, s)" + tail}, map[string]string{"w": "(#3 a)"}},
		"identity":  {net{text: "w = 3x5\nv = Identity(w)" + tail}, map[string]string{"w": "#3 a"}},
		"cast":      {net{text: "w = f64:3x5\nv = Cast(w) to=1" + tail}, map[string]string{"w": "#3 a"}},
		"per channel": {net{text: "w = i8:3x5\ns = +5\nz = i8:5\nv = DequantizeLinear(w, s, z) axis=1" + tail},
			map[string]string{"w": "#3 a", "s": "a", "z": "a", "out": "a #2"}},
		"per tensor": {net{text: "w = u8:3x5\ns = {0.02}\nz = u8:s\nv = DequantizeLinear(w, s, z)" + tail}, map[string]string{"w": "#3 a"}},
		"reordered": {net{text: `w = 9x4
			z = [0]
			three = [3]
			six = [6]
			nine = [9]
			p = Slice(w, z, three, z)
			q = Slice(w, three, six, z)
			r = Slice(w, six, nine, z)
			v = Concat(r, p, q) axis=0
			x: 2x4
			h = Gemm(x, v) transB=1
			a, b, c = Split(h) axis=1
			m = Mul(a, b)
			s = Add(m, c)
			out = 3x2
			y = MatMul(s, out)
			-> y`}, map[string]string{"w": "a+a+a #4", "out": "a #2"}},
		"constant node": {net{text: "w = 3x5" + tail, edit: func(m *onnxpb.ModelProto) {
			kind := onnxpb.AttributeProto_TENSOR
			m.Graph.Node = append([]*onnxpb.NodeProto{{OpType: proto.String("Constant"), Output: []string{"v"},
				Attribute: []*onnxpb.AttributeProto{{Name: proto.String("value"), Type: &kind, T: m.Graph.Initializer[0]}}}}, m.Graph.Node...)
			m.Graph.Initializer = m.Graph.Initializer[1:]
		}}, map[string]string{"v": "#3 a", "out": "a #2"}},
		"input too": {net{text: "v = 3x5\nv: 3x5" + tail}, map[string]string{"v": "#3 a"}},
		"function": {net{text: "w = 5x3\nv = fn.Turned(w)" + tail, edit: func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("fn"), Version: proto.Int64(1)})
			m.Functions = []*onnxpb.FunctionProto{{
				Name: proto.String("Turned"), Domain: proto.String("fn"), Input: []string{"a"}, Output: []string{"b"}, OpsetImport: m.OpsetImport[:1],
				Node: []*onnxpb.NodeProto{{OpType: proto.String("Transpose"), Input: []string{"a"}, Output: []string{"b"}}},
			}}
		}}, map[string]string{"w": "a #3"}},
		"sparse": {net{text: "v = 3x5" + tail, edit: func(m *onnxpb.ModelProto) {
			m.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{
				Values:  &onnxpb.TensorProto{Name: proto.String("v"), DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1, 2}},
				Indices: &onnxpb.TensorProto{DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{1, 8}}, Dims: []int64{3, 5},
			}}
			m.Graph.Initializer = m.Graph.Initializer[1:]
		}}, map[string]string{"v": "", "out": ""}},
		"same everywhere": {net{text: `x: 2x3
			w = 3x5
			s = [5]
			b = ConstantOfShape(s)
			h = MatMul(x, w)
			g = Add(h, b)
			w2 = 5x5
			k = MatMul(g, w2)
			l = Add(k, b)
			out = 5x2
			y = MatMul(l, out)
			-> y`}, map[string]string{"w": "#3 a", "w2": "a b", "out": "b #2"}},
		"tied": {net{text: `ids: i64:2
			table = 7x4
			x = Gather(table, ids)
			w = 4x6
			h = MatMul(x, w)
			r = Relu(h)
			back = 6x4
			k = MatMul(r, back)
			turned = Transpose(table)
			y = MatMul(k, turned)
			-> y`}, map[string]string{"table": "#7 a", "w": "a b", "back": "b a"}},
		"used twice": {net{text: `x: 2x3
			w = 3x5
			h = MatMul(x, w)
			r = Relu(h)
			square = 5x5
			k = MatMul(r, square)
			l = Relu(k)
			m = MatMul(l, square)
			out = 5x2
			y = MatMul(m, out)
			-> y`}, map[string]string{"w": "#3 a", "square": "a a", "out": "a #2"}},
		"if": {net{text: "c: b:s\nw = 3x5\nv = If(c) then_branch=@own else_branch=@outer" + tail,
			bodies: map[string]string{"own": "u = 3x5\no = Identity(u)\n-> o", "outer": "o = Neg(w)\n-> o"}},
			map[string]string{"u": "#3 a", "w": "#3 a", "out": "a #2"}},
		"loop": {net{text: `x: 2x3
			n = {3}
			c = b{1}
			w = 3x5
			h = MatMul(x, w)
			outer = 5x5
			k = Loop(n, c, h) body=@turn
			out = 5x2
			y = MatMul(k, out)
			-> y`, bodies: map[string]string{"turn": `i: i64:s
			c1: b:s
			s: 2x5
			own = 5x5
			c2 = Identity(c1)
			p = MatMul(s, own)
			q = Tanh(p)
			u = MatMul(q, outer)
			-> c2 u`}}, map[string]string{"w": "#3 a", "outer": "b a", "own": "a b", "out": "a #2"}},
		"scan": {net{text: `x: 4x2x3
			w = 3x5
			h = MatMul(x, w)
			s0 = 2x6
			outer = 5x6
			k, all = Scan(s0, h) body=@step num_scan_inputs=1
			out = 6x2
			y = MatMul(all, out)
			-> y`, bodies: map[string]string{"step": `s: 2x6
			x1: 2x5
			own = 6x6
			p = MatMul(s, own)
			q = MatMul(x1, outer)
			r = Add(p, q)
			u = Tanh(r)
			o = Identity(u)
			-> u o`}}, map[string]string{"w": "#3 b", "outer": "b a", "own": "a a", "out": "a #2"}},
	} {
		t.Run(name, func(t *testing.T) { c.holds(t, c.want) })
	}
}

// TestNumbersInAttributes: a Constant node that keeps its numbers in value_floats cannot be
// given others, so nothing that stands against them moves.
func TestNumbersInAttributes(t *testing.T) {
	for _, read := range []string{"Identity(v)", "Reshape(v, row)"} {
		net{text: `
			x: 5x6
			w = 6x3
			h = 3x3
			out = 3x2
			row = [1,3]
			v = Constant() value_floats=[0.5,-1.25,2.5]
			b = ` + read + `
			m = MatMul(x, w)
			a = Add(m, b)
			r = Relu(a)
			g = Gemm(r, h, v)
			y = MatMul(g, out)
			-> y`}.holds(t, map[string]string{"w": "", "h": "", "out": ""})
	}
}

// TestNoElements: a weight without elements is permuted like any other.
func TestNoElements(t *testing.T) {
	net{text: `
		x: 5x6
		w = 6x3
		none = 0x3
		out = 3x2
		m = MatMul(x, w)
		r = Relu(m)
		c = Concat(r, none) axis=0
		y = MatMul(c, out)
		-> y`}.holds(t, map[string]string{"w": "#6 a", "out": "a #2"})
}
