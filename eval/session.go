// Package eval runs models and judges them: losses and accuracies on a data
// set, whether two models compute the same function, barriers along a path.
package eval

import (
	"context"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Session is a model ready to run. It is safe for concurrent use.
type Session interface {
	// Run computes the named values of the main graph from its inputs; nil
	// stands for the graph's outputs.
	Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error)
	Close() error
}

var (
	_ Session = (*exec.Session)(nil)
	_ Session = (*ort.Session)(nil)
)

// A Runner is a model with the session that runs it.
type Runner struct {
	Session
	Model   *onnxgraph.Model
	Backend string // "onnx-go" or "onnxruntime"
}

// Run is Session.Run; its errors name the model's file.
func (r *Runner) Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error) {
	out, err := r.Session.Run(ctx, inputs, outputs)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.Model.Path, err)
	}
	return out, nil
}

// InputsOf lists what a model's inputs want, for opening a data set. Sizes that the model leaves open are those which
// the others with as many inputs fix; Verify runs all of them on the same batches.
func InputsOf(m *onnxgraph.Model, others ...*onnxgraph.Model) []dataset.Input {
	var inputs []dataset.Input
	for _, v := range m.Graph.Inputs {
		in := dataset.Input{Name: v.Name, Type: v.Type}
		if v.HasShape {
			in.Shape = make([]int64, len(v.Declared))
			for i := range v.Declared {
				in.Shape[i] = declaredSize(v, i)
			}
		}
		inputs = append(inputs, in)
	}
	for _, o := range others {
		if len(o.Graph.Inputs) != len(inputs) {
			continue
		}
		for i, w := range counterparts(m.Graph.Inputs, o.Graph.Inputs) {
			for axis, size := range inputs[i].Shape {
				if size < 0 {
					inputs[i].Shape[axis] = declaredSize(w, axis)
				}
			}
		}
	}
	return inputs
}

// declaredSize is the size of an axis, -1 where the model leaves it open.
func declaredSize(v *onnxgraph.Value, axis int) int64 {
	if axis < len(v.Declared) {
		if n, ok := v.Declared[axis].Known(); ok {
			return n
		}
	}
	return -1
}

// counterparts gives, for each value of one model's inputs or outputs, that of
// another's: by name when both have the same names, otherwise by position, for
// two exports of one network may name them differently. The lengths are equal.
func counterparts(of, in []*onnxgraph.Value) []*onnxgraph.Value {
	named := map[string]*onnxgraph.Value{}
	for _, v := range in {
		named[v.Name] = v
	}
	out := make([]*onnxgraph.Value, len(of))
	for i, v := range of {
		if out[i] = named[v.Name]; out[i] == nil {
			return in
		}
	}
	return out
}

// renamed gives the inputs of one model to another.
func renamed(inputs map[string]*onnxgraph.Tensor, from, to *onnxgraph.Model) map[string]*onnxgraph.Tensor {
	if from == to || len(from.Graph.Inputs) != len(to.Graph.Inputs) {
		return inputs
	}
	out := make(map[string]*onnxgraph.Tensor, len(inputs))
	for i, v := range counterparts(from.Graph.Inputs, to.Graph.Inputs) {
		out[v.Name] = inputs[from.Graph.Inputs[i].Name]
	}
	return out
}
