package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// finish is what happens to the result of a product or convolution on its way
// out: rectified by the product itself, or a pointwise function.
type finish struct {
	relu bool
	row  func(d, x []float32)
}

// finishOf returns the finish of a node with an activation, which is named by
// attributes as those of the com.microsoft Fused* operators.
func finishOf(n *Node) (finish, error) {
	op := n.String("activation", "")
	if op == "" || op == "Relu" {
		return finish{relu: op == "Relu"}, nil
	}
	row, err := rowFor(&Node{Op: op, Attrs: activationAttrs(n, op), Version: n.Version})
	return finish{row: row}, err
}

// activationAttrs translates the activation parameters of FusedConv, a list in
// the order of the operator's own attributes, and of FusedGemm, one attribute
// each.
func activationAttrs(n *Node, op string) map[string]onnxgraph.Attr {
	attrs := make(map[string]onnxgraph.Attr)
	params := n.Floats("activation_params")
	for i, name := range activationParams[op] {
		switch {
		case i < len(params):
			attrs[name] = onnxgraph.Attr{Kind: onnxgraph.AttrFloat, Float: params[i]}
		case n.HasAttr("activation_" + name):
			attrs[name] = onnxgraph.Attr{Kind: onnxgraph.AttrFloat, Float: n.Float("activation_"+name, 0)}
		}
	}
	return attrs
}

// activationParams names the parameters of activation functions, in the order
// in which lists of parameters hold them.
var activationParams = map[string][]string{
	"LeakyRelu": {"alpha"}, "Clip": {"min", "max"}, "HardSigmoid": {"alpha", "beta"}, "Elu": {"alpha"},
	"ThresholdedRelu": {"alpha"}, "Affine": {"alpha", "beta"}, "ScaledTanh": {"alpha", "beta"},
	"ParametricSoftplus": {"alpha", "beta"},
}

// rowFor returns the row function of a pointwise operator on float32.
func rowFor(n *Node) (func(d, x []float32), error) {
	switch {
	case n.Op == "Relu":
		return f32.Relu, nil
	case n.Op == "Clip":
		return clipRow(n.Float("min", -maxFloat32), n.Float("max", maxFloat32)), nil
	case !pointwise(n.Op):
		return nil, fmt.Errorf("activation %s is not supported", n.Op)
	}
	if row := quick(n); row != nil {
		return row, nil
	}
	f := floatFunc(n)
	return rowOf(func(x float32) float32 { return float32(f(float64(x))) }), nil
}

// pointwise tells whether floatFunc knows an operator.
func pointwise(op string) bool {
	_, known := unary[op]
	return known && op != "Abs" && op != "Neg" && op != "Sign"
}

// epilogue is the part of the finish that a product does itself.
func (f *finish) epilogue() f32.Epilogue { return f32.Epilogue{Relu: f.relu} }

// apply does the rest of the finish.
func (f *finish) apply(c *Call, y []float32) {
	if f.row != nil {
		c.Parallel(len(y), 8, func(lo, hi int) { f.row(y[lo:hi], y[lo:hi]) })
	}
}

const maxFloat32 = 3.4028234663852886e38
