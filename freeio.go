package rebasin

import (
	"context"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// IOOrder is how a permuted model takes or gives an input or output that was
// freed (permspec.Options.FreeIO): what stood at Order[i], counted along Axes in
// row-major order, stands at i.
type IOOrder struct {
	Name  string `json:"name"`
	Axes  []int  `json:"axes"`
	Order []int  `json:"order"`
}

// ioOrders are the orders of the freed inputs and outputs of m, a model of the
// spec's architecture, permuted by p.
func ioOrders(spec *permspec.Spec, m, a *onnxgraph.Model, p permspec.Perms) (inputs, outputs []IOOrder, err error) {
	for _, io := range spec.IO {
		order, err := spec.Order(io, p)
		if err != nil {
			return nil, nil, err
		}
		o := IOOrder{Axes: io.Axes, Order: order}
		if o.Name = counterpartIO(io.Value, a.Graph.Inputs, m.Graph.Inputs); o.Name != "" {
			inputs = append(inputs, o)
		}
		if o.Name = counterpartIO(io.Value, a.Graph.Outputs, m.Graph.Outputs); o.Name != "" {
			outputs = append(outputs, o)
		}
	}
	return inputs, outputs, nil
}

// IOOrders are the orders of the inputs and outputs of m that spec, inferred
// from m, has freed, once m is permuted by p.
func IOOrders(spec *permspec.Spec, m *onnxgraph.Model, p permspec.Perms) ([]IOOrder, error) {
	inputs, outputs, err := ioOrders(spec, m, m, p)
	return append(inputs, outputs...), err
}

// counterpartIO names the value in theirs that goes with one of ours: that of
// its name, or else of its place; "" when it is none of ours.
func counterpartIO(v *onnxgraph.Value, ours, theirs []*onnxgraph.Value) string {
	for i, u := range ours {
		if u != v || i >= len(theirs) {
			continue
		}
		for _, w := range theirs {
			if w.Name == v.Name {
				return w.Name
			}
		}
		return theirs[i].Name
	}
	return ""
}

// verify checks that permuted computes what m does, given and giving the freed
// inputs and outputs in its own order.
func verify(ctx context.Context, spec *permspec.Spec, a, m, permuted *onnxgraph.Model, p permspec.Perms, opts eval.VerifyOptions) (*eval.Verification, error) {
	if len(spec.IO) == 0 {
		return eval.Verify(ctx, m, permuted, opts)
	}
	inputs, outputs, err := ioOrders(spec, m, a, p)
	if err != nil {
		return nil, err
	}
	ra, err := eval.Open(m, opts.Open)
	if err != nil {
		return nil, err
	}
	defer ra.Close()
	rb, err := eval.Open(permuted, opts.Open)
	if err != nil {
		return nil, err
	}
	defer rb.Close()
	opts.OutputsOnly = true
	return eval.VerifyRunners(ctx, ra, rb.Reordered(byName(inputs), byName(outputs)), opts)
}

func byName(list []IOOrder) map[string]eval.Reorder {
	out := map[string]eval.Reorder{}
	for _, o := range list {
		out[o.Name] = eval.Reorder{Axes: o.Axes, Order: o.Order}
	}
	return out
}
