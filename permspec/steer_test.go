package permspec_test

import (
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// Numbers of weights that say what a node does keep their places, although they
// stand for hidden units too.
func TestWeightsThatSteer(t *testing.T) {
	const hidden = `
		x: 2x3
		w = 3x4
		h = MatMul(x, w)
		r = Relu(h)
		table = 6x4
		out = 4x2
		y = MatMul(g, out)
		-> y`
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"bias cast to indices": {`
			b = f[2.,3.,4.,5.]
			h2 = Add(r, b)
			i = Cast(b) to=7
			rows = Gather(table, i)
			g = MatMul(h2, rows)`, map[string]string{"w": "", "b": "", "out": "a #2"}},
		"best of a bias": {`
			b = f[2.,3.,1.,0.]
			h2 = Add(r, b)
			i = ArgMax(b) axis=0
			g = Gather(table, i) axis=0
			m = MatMul(h2, out)
			-> m`, map[string]string{"w": "", "b": "", "out": ""}},
		"bounds of a slice": {`
			b = f[1.,3.,1.,1.]
			h2 = Add(r, b)
			i = Cast(b) to=7
			zero = [0]
			one = [1]
			two = [2]
			i0 = Slice(i, zero, one)
			i1 = Slice(i, one, two)
			rows = Slice(table, i0, i1, zero)
			turned = Transpose(rows)
			k = MatMul(h2, turned)
			back = 2x4
			g = MatMul(k, back)`, map[string]string{"w": "", "b": "", "back": "a b", "out": "b #2"}},
		"the largest of a bias": {`
			b = f[1.,3.,2.,1.]
			h2 = Add(r, b)
			top = ReduceMax(b) keepdims=0
			g = Mul(h2, top)`, map[string]string{"w": "#3 a", "b": "a", "out": "a #2"}},
	} {
		t.Run(name, func(t *testing.T) { net{text: hidden + c.text}.holds(t, c.want) })
	}
}

// Numbers that differ between the models a Spec is for say nothing.
func TestWeightsThatDiffer(t *testing.T) {
	m, err := onnxgraph.Load(net{text: `
		x: 2x3
		w = 3x6
		h = MatMul(x, w)
		zero = [0]
		cut = f[2.]
		end = Cast(cut) to=7
		one = [1]
		part = Slice(h, zero, end, one)
		y = ReduceSum(part)
		z = Relu(h)
		out = 6x2
		k = MatMul(z, out)
		-> y k`}.file(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range []struct {
		same func(*onnxgraph.Weight) bool
		want string
	}{
		{nil, "#3 a+b"},
		{func(w *onnxgraph.Weight) bool { return true }, "#3 a+b"},
		{func(w *onnxgraph.Weight) bool { return w.Name != "cut" }, ""},
	} {
		s, err := permspec.Infer(m, permspec.Options{Same: c.same})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, l := range s.Weights {
			if l.Weight.Name == "w" {
				got = l.Layout.String()
			}
		}
		if got != c.want {
			t.Errorf("w is laid out %q, want %q", got, c.want)
		}
	}
}
