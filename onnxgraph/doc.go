// Package onnxgraph reads ONNX models as Go values and writes them back.
//
// # The file
//
// [Load] opens a model. The numbers of its weights are not read: the file is
// mapped into memory, and a scan of its wire bytes notes where each tensor keeps
// its payload. Protobuf then decodes the rest, which is small. So a model of many
// gigabytes loads at once and takes little memory:
//
//	m, err := onnxgraph.Load("a.onnx")
//	...
//	defer m.Close()
//	for _, w := range m.Weights() {
//		x, err := m.Float32s(w)
//		...
//	}
//
// A [Model] is never changed. [Model.With] gives another that has the same graph
// and other numbers for some of its weights, computed when they are asked for:
//
//	n := m.With(map[*onnxgraph.Weight]onnxgraph.Content{w: func() ([]byte, error) { ... }})
//	err = n.Save("b.onnx", onnxgraph.SaveOptions{})
//
// Saving copies the original bytes and swaps in what has changed, so everything
// else survives byte for byte: names, documentation, fields of later versions of
// the format, the form each tensor is stored in, and the layout of external data.
//
// # The graph
//
// [Graph] is what the file computes. Nodes refer to values, and values to the
// node that produces them and to those that use them; names serve messages only.
// The graph is sorted, calls of local functions are expanded, Constant nodes and
// initializers are weights alike, and bodies of If, Loop and Scan see the values
// around them:
//
//	for _, n := range m.Graph.Nodes {
//		for i, v := range n.Inputs {
//			if v != nil && v.Weight != nil {
//				fmt.Println(n.Op, i, v.Weight)
//			}
//		}
//	}
//
// [Shapes] infers types, sizes and the elements of small integer tensors, with
// sizes that depend on the input as symbols. [Correspond] finds the counterparts
// of two models of one architecture whatever their names, or tells the first
// difference.
//
// # Files from others
//
// No bytes make this package panic, or allocate more than they are worth: lengths
// are checked before anything is allocated, nesting and the expansion of
// functions are bounded. External data is read from regular files in the model's
// folder and below, never through a path or a link that leads out of it.
package onnxgraph
