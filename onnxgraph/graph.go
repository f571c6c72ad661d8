package onnxgraph

// Graph is one scope of computation: the main graph of a model, or the body of
// an If, Loop or Scan node. Calls of model-local functions are already
// expanded, so every node is an operator of some opset.
//
// Nodes refer to values and values to nodes; names serve error messages and
// the file only. A Graph is never changed after it is built: the contents of
// its weights belong to the Model.
type Graph struct {
	Name    string
	Inputs  []*Value // without initializers that the file also lists as inputs
	Outputs []*Value
	Nodes   []*Node // every node stands after the nodes it reads from
	Outer   *Node   // the node whose body this is; nil for the main graph
}

// Node is one application of an operator.
type Node struct {
	Name    string // as in the file; may be empty or repeated
	Op      string // operator type, "Conv"
	Domain  string // "" is ai.onnx
	Version int64  // opset version in force for Domain
	Inputs  []*Value
	Outputs []*Value // in Inputs and Outputs nil stands for one left out
	Attrs   map[string]Attr
	Graph   *Graph // the scope the node stands in
}

// Attr is the value of a node's attribute; the field that Kind names is set.
type Attr struct {
	Kind    AttrKind
	Float   float32
	Int     int64
	String  string
	Floats  []float32
	Ints    []int64
	Strings []string
	Weight  *Weight   // a tensor
	Weights []*Weight // tensors
	Graph   *Graph    // a body; its nodes may read values of the scopes around it
	Graphs  []*Graph
}

// AttrKind says which field of an Attr is set.
type AttrKind int

// The kinds of attribute, numbered as AttributeProto.AttributeType.
const (
	AttrFloat   AttrKind = 1
	AttrInt     AttrKind = 2
	AttrString  AttrKind = 3
	AttrTensor  AttrKind = 4
	AttrGraph   AttrKind = 5
	AttrFloats  AttrKind = 6
	AttrInts    AttrKind = 7
	AttrStrings AttrKind = 8
	AttrTensors AttrKind = 9
	AttrGraphs  AttrKind = 10
)

// Value is one tensor of a graph: an input, a weight, or what a node computes.
type Value struct {
	Name     string
	Producer *Node   // nil for graph inputs and initializers
	Output   int     // index among Producer.Outputs
	Uses     []Use   // every place that reads the value, bodies included
	Weight   *Weight // set for initializers and for outputs of Constant nodes
	Type     DataType
	Declared []Dim  // shape the file declares; see HasShape
	HasShape bool   // false: the file says nothing, not even the rank
	Graph    *Graph // the scope that defines the value
}

// Use is one input of one node.
type Use struct {
	Node  *Node
	Input int
}

// Weight is one constant tensor of the file, wherever it is kept: initializer,
// Constant node, or any other tensor-valued attribute. It is the place, not the
// numbers: those are asked of a Model, and two Models may hold different numbers
// for one Weight.
type Weight struct {
	Name   string // unique in its model
	Type   DataType
	Shape  []int64
	Sparse bool // kept as a sparse initializer: readable (dense), not replaceable
	index  int  // the tensor's place among all tensors of the file
}

// Elements returns the number of elements.
func (w *Weight) Elements() int64 {
	n := int64(1)
	for _, d := range w.Shape {
		n *= d
	}
	return n
}
