package eval

import (
	"context"
	"fmt"
	"reflect"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Reorder moves the elements of a tensor: those along Axes, in row-major order,
// are taken from the places that Order lists.
type Reorder struct {
	Axes  []int
	Order []int
}

// Reordered is the model with some inputs and outputs in another order, by
// name: what it is given is reordered before the model sees it, and what the
// model gives is put back.
func (r *Runner) Reordered(inputs, outputs map[string]Reorder) *Runner {
	return &Runner{reordered{r.Session, inputs, outputs}, r.Model, r.Backend}
}

type reordered struct {
	Session
	inputs, outputs map[string]Reorder
}

func (r reordered) Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error) {
	given := make(map[string]*onnxgraph.Tensor, len(inputs))
	for name, t := range inputs {
		if o, ok := r.inputs[name]; ok {
			var err error
			if t, err = o.apply(t, false); err != nil {
				return nil, fmt.Errorf("input %q: %w", name, err)
			}
		}
		given[name] = t
	}
	out, err := r.Session.Run(ctx, given, outputs)
	if err != nil {
		return nil, err
	}
	for name, o := range r.outputs {
		if out[name] == nil {
			continue
		}
		if out[name], err = o.apply(out[name], true); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
	}
	return out, nil
}

// apply reorders a tensor, or undoes that.
func (o Reorder) apply(t *onnxgraph.Tensor, back bool) (*onnxgraph.Tensor, error) {
	n, along := 1, 1
	stride := make([]int, len(t.Shape))
	for k := len(t.Shape) - 1; k >= 0; k-- {
		stride[k] = n
		n *= t.Shape[k]
	}
	for _, k := range o.Axes {
		if k >= len(t.Shape) {
			return nil, fmt.Errorf("it has rank %d and is to be reordered along axis %d", len(t.Shape), k)
		}
		along *= t.Shape[k]
	}
	if along != len(o.Order) {
		return nil, fmt.Errorf("%d elements for an order of %d", along, len(o.Order))
	}
	from := reflect.ValueOf(t.Data)
	to := reflect.MakeSlice(from.Type(), n, n)
	for e := range n {
		slot := 0
		for _, k := range o.Axes {
			slot = slot*t.Shape[k] + e/stride[k]%t.Shape[k]
		}
		source := o.Order[slot]
		at := e
		for i := len(o.Axes) - 1; i >= 0; i-- {
			k := o.Axes[i]
			at += (source%t.Shape[k] - e/stride[k]%t.Shape[k]) * stride[k]
			source /= t.Shape[k]
		}
		if back {
			to.Index(at).Set(from.Index(e))
		} else {
			to.Index(e).Set(from.Index(at))
		}
	}
	return &onnxgraph.Tensor{Type: t.Type, Shape: t.Shape, Data: to.Interface()}, nil
}
