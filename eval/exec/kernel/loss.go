package kernel

import "fmt"

// scoring is the table of the losses.
var scoring = ops{
	"NegativeLogLikelihoodLoss": compute(prepareLoss),
	"SoftmaxCrossEntropyLoss":   compute(prepareLoss),
}

// prepareLoss prepares NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
// Classes are axis 1 of the scores; output 1, if asked for, is their
// log-softmax.
func prepareLoss(n *Node) (Kernel, error) {
	reduction, ignore, ignores := n.String("reduction", "mean"), int(n.Int("ignore_index", 0)), n.HasAttr("ignore_index")
	soft, wanted := n.Op == "SoftmaxCrossEntropyLoss", n.Wants(1)
	switch reduction {
	case "mean", "sum", "none":
	default:
		return nil, fmt.Errorf("reduction %q", reduction)
	}
	return func(c *Call) error {
		x := c.In[0]
		if len(x.Shape) < 2 {
			return fmt.Errorf("scores of shape %v, want examples and classes", x.Shape)
		}
		scores, err := floats64(x)
		if err != nil {
			return err
		}
		classes, inner := x.Shape[1], size(x.Shape[2:])
		labels, err := ints(c.In[1])
		if err != nil {
			return err
		}
		if len(labels) != x.Shape[0]*inner {
			return fmt.Errorf("labels of shape %v for scores %v", c.In[1].Shape, x.Shape)
		}
		var weights []float64
		if c.Has(2) {
			if weights, err = floats64(c.In[2]); err != nil || len(weights) != classes {
				return fmt.Errorf("weights of shape %v for %d classes", c.In[2].Shape, classes)
			}
		}
		if soft {
			log := make([]float64, len(scores))
			eachLine(c, log, scores, x.Shape[0], classes, inner, logSoftmaxLine[float64])
			scores = log
		}
		losses, total := make([]float64, len(labels)), 0.0
		sum := 0.0
		for i, k := range labels {
			if ignores && k == ignore {
				continue
			}
			if k < 0 || k >= classes {
				return fmt.Errorf("label %d of %d classes", k, classes)
			}
			w := 1.0
			if weights != nil {
				w = weights[k]
			}
			losses[i] = -w * scores[(i/inner*classes+k)*inner+i%inner]
			sum, total = sum+losses[i], total+w
		}
		if wanted {
			t, err := c.New(1, x.Type, x.Shape...)
			if err != nil {
				return err
			}
			if err := castFloat(t, scores); err != nil {
				return err
			}
		}
		shape := c.In[1].Shape
		if reduction != "none" {
			if shape, losses = nil, []float64{sum}; reduction == "mean" {
				losses[0] = sum / total
			}
		}
		return c.give(0, x.Type, losses, shape...)
	}, nil
}

// give makes output i of numbers.
func (c *Call) give(i int, typ DataType, v []float64, shape ...int) error {
	t, err := c.New(i, typ, shape...)
	if err != nil {
		return err
	}
	return castFloat(t, v)
}
