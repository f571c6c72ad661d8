package permspec

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// IOLayout says where groups stand in a graph input or output that
// Options.FreeIO has freed. A model permuted by p takes, and gives, such a value
// in the order that Order tells.
type IOLayout struct {
	Value  *onnxgraph.Value
	Axes   []int        // of the value, whose sizes are known: the others stay
	Layout WeightLayout // of those axes; its Weight is a stand-in
}

// layOutIO lays out the freed inputs and outputs, once everything is settled.
// What stands in no weight is frozen: the model has nothing to permute there.
func (inf *inference) layOutIO() []IOLayout {
	if inf.opts.FreeIO == nil {
		return nil
	}
	inWeights := map[int]bool{}
	for _, w := range inf.model.Weights() {
		for _, x := range inf.weights[w] {
			inf.resolve(x).each(func(a int) { inWeights[a] = true })
		}
	}
	var out []IOLayout
	for _, v := range slices.Concat(inf.model.Graph.Inputs, inf.model.Graph.Outputs) {
		l, ok := inf.layout(v)
		dims, known := inf.info.Shape(v)
		if !inf.opts.FreeIO(v) || !ok || !known || v.Weight != nil {
			continue
		}
		io := IOLayout{Value: v, Layout: WeightLayout{Weight: &onnxgraph.Weight{Name: v.Name}}}
		var axes []sum
		for k, x := range l {
			n, sized := dims[k].Known()
			inf.resolve(x).each(func(a int) {
				if !sized || !inWeights[a] {
					inf.freeze(single(a), &cause{nil, fmt.Sprintf("it stands in %q alone, or where its size is not known", v.Name)})
				}
			})
			if sized {
				io.Axes = append(io.Axes, k)
				io.Layout.Weight.Shape = append(io.Layout.Weight.Shape, n)
				axes = append(axes, x)
			}
		}
		inf.weights[io.Layout.Weight] = axes
		inf.extra = append(inf.extra, io.Layout.Weight)
		out = append(out, io)
	}
	return out
}

// takeIO moves the stand-ins from the end of the weights to IO; those in which
// nothing moves are left out.
func (s *Spec) takeIO(list []IOLayout) {
	if len(list) == 0 {
		return
	}
	n := len(s.Weights) - len(list)
	for i, io := range list {
		if io.Layout = s.Weights[n+i]; io.Layout.Layout.free() {
			s.IO = append(s.IO, io)
		}
	}
	s.Weights = s.Weights[:n]
}

// Order returns, for each element of the value along io.Axes in row-major order,
// the element of the original that takes its place in a model permuted by p.
func (s *Spec) Order(io IOLayout, p Perms) ([]int, error) {
	index, err := s.moved(&io.Layout, p)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(index)/8)
	for i := range out {
		out[i] = int(binary.LittleEndian.Uint64(index[8*i:]))
	}
	return out, nil
}
