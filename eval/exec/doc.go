// Package exec runs models in pure Go: it is a backend for onnx-go, with
// kernels of its own for the operators.
//
//	m, err := onnxgraph.Load("model.onnx")
//	s, err := exec.New(m, exec.Options{})
//	defer s.Close()
//	out, err := s.Run(ctx, map[string]*onnxgraph.Tensor{"x": x}, nil)
//
// # How a model reaches onnx-go
//
// onnx-go decodes a model's graph and asks a backend to build and run it. Its
// decoder does not pass on opset versions, domains or left-out inputs, and
// knows few element types and no bodies. So a model is lowered first: nodes
// that depend on constants alone are computed, the others are prepared, and
// what is handed to onnx-go is the graph of the prepared nodes without any
// weight, each with its number as the one attribute. The backend collects that
// graph as onnx-go builds it, looks the numbers up, and runs the kernels in
// topological order.
//
//	Model ─▶ lower ─▶ steps ─▶ onnx.Model.UnmarshalBinary ─▶ graph ─▶ program
//	                                SetInput ─▶ Run ─▶ GetOutputTensors
//
// On the way nodes that one kernel computes at once are put together (fuse.go):
// BatchNormalization, sums and Relu with convolutions, biases with products,
// formulas with the operators they stand for. It does not show: a value that is
// asked for is computed.
//
// Bodies of If, Loop and Scan become programs too, which their node's kernel
// runs directly.
package exec
