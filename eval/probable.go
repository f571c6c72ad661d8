package eval

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

const mlDomain = "ai.onnx.ml"

// probable tells whether the rows of v are probabilities of the classes by how
// they are computed: by softmax, also when it is written out; as 1-p beside p;
// divided by their sum; or by a classifier of ai.onnx.ml that ends so.
func probable(v *onnxgraph.Value) bool {
	n := lastOperator(v)
	if n == nil {
		return false
	}
	switch n.Op {
	case "Softmax":
		return true
	case "Normalizer":
		return n.Attrs["norm"].String == "L1"
	case "LpNormalization":
		return n.Attrs["p"].Int == 1
	case "Div":
		top, sum := lastOperator(n.Inputs[0]), lastOperator(n.Inputs[1])
		return top != nil && top.Op == "Exp" && sum != nil && sum.Op == "ReduceSum" && lastOperator(sum.Inputs[0]) == top
	case "Concat":
		return complementary(n.Inputs)
	case "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier":
		return n.Domain == mlDomain && classifies(n)
	}
	return false
}

// complementary tells whether two columns are 1-p and p of one sigmoid.
func complementary(columns []*onnxgraph.Value) bool {
	if len(columns) != 2 {
		return false
	}
	rest, p := lastOperator(columns[0]), lastOperator(columns[1])
	return p != nil && p.Op == "Sigmoid" && rest != nil && rest.Op == "Sub" && lastOperator(rest.Inputs[1]) == p
}

// classifies tells whether a classifier gives probabilities: it transforms its
// scores, was calibrated, or is a forest whose leaves hold shares of classes.
func classifies(n *onnxgraph.Node) bool {
	switch n.Attrs["post_transform"].String {
	case "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT":
		return true
	}
	if n.Op == "SVMClassifier" {
		return len(n.Attrs["prob_a"].Floats) > 0
	}
	shares := n.Attrs["class_weights"].Floats
	if n.Op != "TreeEnsembleClassifier" || len(shares) == 0 || len(n.Attrs["base_values"].Floats) > 0 {
		return false
	}
	for _, s := range shares {
		if s < 0 || s > 1 {
			return false
		}
	}
	return true
}
