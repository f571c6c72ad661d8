package kernel

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// Tensor is the tensor type of the whole program.
type Tensor = onnxgraph.Tensor

// DataType is an element type.
type DataType = onnxgraph.DataType

// Kernel computes the outputs of one node from its inputs. It may be called
// many times, and by several goroutines at once, each with its own Call.
type Kernel func(c *Call) error

// Prepare makes the kernel of a node.
type Prepare func(n *Node) (Kernel, error)

// entry is one line of the operator table.
type entry struct {
	since   int64 // first opset version the line holds for
	prepare Prepare
	raw     bool // takes float16 and bfloat16 tensors as they are
}

// ops is part of the operator table: lines by operator name, newest first.
type ops map[string][]entry

// compute is an operator whose half-precision tensors are widened to float32.
func compute(p Prepare) []entry { return []entry{{prepare: p}} }

// move is an operator that treats elements as opaque, or knows every type.
func move(p Prepare) []entry { return []entry{{prepare: p, raw: true}} }

// Lookup finds how to prepare an operator of a domain ("" is ai.onnx) in an
// opset version.
func Lookup(domain, op string, version int64) (Prepare, bool) {
	for _, family := range domains[domain] {
		for _, e := range family[op] {
			if version < e.since {
				continue
			}
			if e.raw {
				return e.prepare.checked, true
			}
			return widened(e.prepare.checked), true
		}
	}
	return nil, false
}

// checked prepares a kernel and reports attributes of a wrong kind.
func (p Prepare) checked(n *Node) (Kernel, error) {
	k, err := p(n)
	if err == nil {
		err = n.err
	}
	return k, err
}
