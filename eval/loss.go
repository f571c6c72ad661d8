package eval

import (
	"fmt"
	"math"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Loss says what a model's output means, and so how its loss is computed.
type Loss string

// The losses. All but MSE are cross-entropies in nats.
const (
	LossAuto             Loss = ""                  // by the graph's last operator, see LossOf
	LossLogits           Loss = "logits"            // scores, to be normalised by softmax
	LossProbabilities    Loss = "probabilities"     // after Softmax and the like
	LossLogProbabilities Loss = "log-probabilities" // after LogSoftmax
	LossBinary           Loss = "binary"            // one probability, of class 1, after Sigmoid
	LossBinaryLogits     Loss = "binary-logits"     // one score, of class 1
	LossMSE              Loss = "mse"               // mean squared error; there is no accuracy
)

// Losses lists the names that ParseLoss knows.
var Losses = []Loss{LossLogits, LossProbabilities, LossLogProbabilities, LossBinary, LossBinaryLogits, LossMSE}

// ParseLoss reads the name of a loss; "" and "auto" are LossAuto.
func ParseLoss(name string) (Loss, error) {
	if name == "" || name == "auto" {
		return LossAuto, nil
	}
	var names []string
	for _, l := range Losses {
		if string(l) == name {
			return l, nil
		}
		names = append(names, string(l))
	}
	return LossAuto, fmt.Errorf("eval: there is no loss %q; choose among %s", name, strings.Join(names, ", "))
}

// passing are the operators that LossOf looks through: they keep each number.
var passing = map[string]bool{
	"Identity": true, "Cast": true, "Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true,
	"Transpose": true, "Dropout": true, "DequantizeLinear": true, "QuantizeLinear": true, "ZipMap": true,
}

// LossOf recognises the loss from the last operators that compute the output:
// Softmax and what else gives probabilities, their logarithm, Sigmoid; anything
// else gives logits.
func LossOf(output *onnxgraph.Value) Loss {
	n := lastOperator(output)
	switch {
	case n == nil:
		return LossLogits
	case probable(output):
		return LossProbabilities
	case n.Op == "LogSoftmax", n.Op == "Log" && probable(n.Inputs[0]):
		return LossLogProbabilities
	case n.Op == "Sigmoid":
		return LossBinary
	}
	return LossLogits
}

func lastOperator(v *onnxgraph.Value) *onnxgraph.Node {
	for v != nil && v.Producer != nil {
		n := v.Producer
		if !passing[n.Op] || len(n.Inputs) == 0 {
			return n
		}
		v = n.Inputs[0]
	}
	return nil
}

// scores brings one row of a model's output, in place, to scores that softmax
// turns into the probabilities of the classes. A binary row of one number
// becomes the scores of the classes 0 and 1.
func (l Loss) scores(row []float64) []float64 {
	switch l {
	case LossProbabilities:
		for i, p := range row {
			row[i] = logOf(p)
		}
	case LossBinary:
		return []float64{logOf(1 - row[0]), logOf(row[0])}
	case LossBinaryLogits:
		return []float64{0, row[0]}
	}
	return row
}

// logOf is the logarithm of a probability. One that has underflowed counts as
// the smallest normal float32, so that a wrong answer costs 87 nats and not
// infinitely many; a NaN stays one.
func logOf(p float64) float64 {
	const smallest = 0x1p-126
	if p < smallest {
		p = smallest
	}
	return math.Log(p)
}

// logSoftmax normalises scores, in place, to log-probabilities.
func logSoftmax(row []float64) {
	top := math.Inf(-1)
	for _, v := range row {
		top = math.Max(top, v)
	}
	if math.IsInf(top, 0) {
		top = 0
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(v - top)
	}
	norm := top + math.Log(sum)
	for i := range row {
		row[i] -= norm
	}
}
