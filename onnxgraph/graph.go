package onnxgraph

import (
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

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

	attr, nth int // the place of a body among Outer's attributes, and in a list
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

	index int // the node's place in Graph.Nodes
	row   int // its place among the nodes of the file's graph; -1 inside a function
}

// Index returns the node's place among the nodes of its graph.
func (n *Node) Index() int { return n.index }

// InFunction reports whether the node comes from a local function of the file, which
// Edit cannot change.
func (n *Node) InFunction() bool { return n.row < 0 }

// Bodies returns the graphs among the node's attributes, ordered by attribute.
func (n *Node) Bodies() []*Graph {
	var out []*Graph
	for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
		out = append(out, bodies(n.Attrs[name])...)
	}
	return out
}

// String returns what messages call the node: its name and operator, or what it
// computes when it has no name.
func (n *Node) String() string { return n.text(nil) }

func (n *Node) text(pb *onnxpb.NodeProto) string {
	if n.Name != "" {
		return fmt.Sprintf("node %q (%s)", n.Name, n.Op)
	}
	for _, v := range n.Outputs {
		if v != nil {
			return fmt.Sprintf("node of %q (%s)", v.Name, n.Op)
		}
	}
	for _, name := range pb.GetOutput() {
		if name != "" {
			return fmt.Sprintf("node of %q (%s)", name, n.Op)
		}
	}
	return fmt.Sprintf("node without a name (%s)", n.Op)
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
	AttrSparse  AttrKind = 11 // a sparse tensor: Weight
	AttrSparses AttrKind = 12 // Weights
	AttrType    AttrKind = 13 // a type: String is the same for equal types
	AttrTypes   AttrKind = 14 // Strings
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
