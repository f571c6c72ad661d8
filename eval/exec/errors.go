package exec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
)

// BudgetError says that a model asks for more memory, or more turns of loops, than
// a run may take.
type BudgetError = kernel.BudgetError

// UnsupportedError says that a model needs an operator which this backend does
// not have.
type UnsupportedError struct {
	Node    string // what messages call the node
	Op      string
	Domain  string // "" is ai.onnx
	Version int64  // opset version
}

// Error names the node and the operator, and what to try instead.
func (e *UnsupportedError) Error() string {
	op := e.Op
	if e.Domain != "" {
		op = e.Domain + "." + op
	}
	return fmt.Sprintf("%s: the onnx-go backend has no operator %s (opset %d); try --backend onnxruntime", e.Node, op, e.Version)
}
