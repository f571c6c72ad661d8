package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// InferOutputs is Infer with free inputs and outputs. The last len(outputs)
// entries of the Spec's Weights are not of the model: they lay out its outputs,
// in their order, whether anything in them is free or not.
func InferOutputs(m *onnxgraph.Model) (*Spec, []WeightLayout, error) {
	inf := newInference(m, Options{FreeIO: func(*onnxgraph.Value) bool { return true }})
	if err := inf.run(); err != nil {
		return nil, nil, err
	}
	for _, v := range m.Graph.Outputs {
		dims, ok := inf.info.Shape(v)
		if !ok {
			return nil, nil, fmt.Errorf("the rank of %q is not known", v.Name)
		}
		w := &onnxgraph.Weight{Name: v.Name, Type: v.Type}
		for _, d := range dims {
			n, ok := d.Known()
			if !ok {
				return nil, nil, fmt.Errorf("output %q has the shape %v", v.Name, dims)
			}
			w.Shape = append(w.Shape, n)
		}
		inf.weights[w], _ = inf.layout(v)
		inf.extra = append(inf.extra, w)
	}
	s, err := inf.spec()
	if err != nil {
		return nil, nil, err
	}
	n := len(s.Weights) - len(inf.extra)
	outs := s.Weights[n:]
	s.Weights = s.Weights[:n]
	return s, outs, nil
}

// Operators lists the operators of the table; those of com.microsoft begin
// with "ms.".
func Operators() []string {
	var out []string
	for k := range rules {
		if k.domain == ms {
			k.op = "ms." + k.op
		}
		out = append(out, k.op)
	}
	return out
}
