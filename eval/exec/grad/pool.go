package grad

import "github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"

// pooling is the table of the operators that summarize windows.
var pooling = rules{"MaxPool": maxPoolRule, "AveragePool": averagePoolRule}

// maxPoolRule passes the gradient to the element that was the greatest, which
// the operator's second output names.
func maxPoolRule(c *Call) error {
	if err := c.only(); err != nil {
		return err
	}
	out, err := c.forward(c.In, []bool{true, true}, "storage_order")
	if err != nil {
		return err
	}
	for i, at := range out[1].Data.([]int64) {
		c.Down[0][at] += c.Up[0][i]
	}
	return nil
}

// averagePoolRule shares the gradient out among the elements of the window.
func averagePoolRule(c *Call) error {
	shape := c.In[0].Shape
	p, err := kernel.PoolPlaces(c.Node, shape)
	if err != nil {
		return err
	}
	plane := size(shape[2:])
	c.parallel(shape[0]*shape[1], len(p.At), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			up, down := c.Up[0][ch*p.Out:][:p.Out], c.Down[0][ch*plane:][:plane]
			for i, at := range p.At {
				if at >= 0 {
					down[at] += up[i%p.Out] / float32(p.Counts[i%p.Out])
				}
			}
		}
	})
	return nil
}
