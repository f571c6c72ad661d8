package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Node is what is known of an operator before it runs.
type Node struct {
	Op      string
	Domain  string
	Version int64 // opset version of Domain
	Attrs   map[string]onnxgraph.Attr
	Const   []*Tensor // one for each input: its value, if the same in every run
	Given   []bool    // which inputs the node has; false for one left out
	Wanted  []bool    // which outputs are read by anybody
	Load    func(*onnxgraph.Weight) (*Tensor, error)

	err error // the first attribute of a wrong kind
}

// Has tells whether input i is given.
func (n *Node) Has(i int) bool { return i < len(n.Given) && n.Given[i] }

// Wants tells whether output i is read by anybody.
func (n *Node) Wants(i int) bool { return i < len(n.Wanted) && n.Wanted[i] }

// Constant returns input i if it is the same in every run, else nil.
func (n *Node) Constant(i int) *Tensor {
	if i >= len(n.Const) {
		return nil
	}
	return n.Const[i]
}

// attr finds an attribute and checks its kind.
func (n *Node) attr(name string, kind onnxgraph.AttrKind) (onnxgraph.Attr, bool) {
	a, ok := n.Attrs[name]
	if ok && a.Kind != kind {
		if n.err == nil {
			n.err = fmt.Errorf("attribute %s is of kind %d, want %d", name, a.Kind, kind)
		}
		return onnxgraph.Attr{}, false
	}
	return a, ok
}

// Int returns an integer attribute, or def if it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a, ok := n.attr(name, onnxgraph.AttrInt); ok {
		return a.Int
	}
	return def
}

// Flag tells whether an integer attribute is present and not 0.
func (n *Node) Flag(name string) bool { return n.Int(name, 0) != 0 }

// Float returns a float attribute, or def if it is absent.
func (n *Node) Float(name string, def float32) float32 {
	if a, ok := n.attr(name, onnxgraph.AttrFloat); ok {
		return a.Float
	}
	return def
}

// String returns a string attribute, or def if it is absent.
func (n *Node) String(name, def string) string {
	if a, ok := n.attr(name, onnxgraph.AttrString); ok {
		return a.String
	}
	return def
}

// Ints returns an attribute that lists integers; nil if it is absent.
func (n *Node) Ints(name string) []int {
	a, ok := n.attr(name, onnxgraph.AttrInts)
	if !ok {
		return nil
	}
	return toInts(a.Ints)
}

// HasAttr tells whether an attribute is present.
func (n *Node) HasAttr(name string) bool {
	_, ok := n.Attrs[name]
	return ok
}

// Floats returns an attribute that lists floats; nil if it is absent.
func (n *Node) Floats(name string) []float32 {
	a, _ := n.attr(name, onnxgraph.AttrFloats)
	return a.Floats
}

// Strings returns an attribute that lists strings; nil if it is absent.
func (n *Node) Strings(name string) []string {
	a, _ := n.attr(name, onnxgraph.AttrStrings)
	return a.Strings
}

// Tensor returns a tensor attribute; nil if it is absent.
func (n *Node) Tensor(name string) (*Tensor, error) {
	a, ok := n.attr(name, onnxgraph.AttrTensor)
	if !ok {
		return nil, nil
	}
	t, err := n.Load(a.Weight)
	if err != nil {
		return nil, fmt.Errorf("attribute %s: %w", name, err)
	}
	return t, nil
}

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}
