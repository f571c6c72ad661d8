package kernel

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// prepareWhere prepares Where: the elements of one tensor or another, chosen
// by a third, all three stretched to one shape.
func prepareWhere(*Node) (Kernel, error) {
	return func(c *Call) error {
		cond, x, y := c.In[0], c.In[1], c.In[2]
		if cond.Type != onnxgraph.Bool {
			return badType(cond)
		}
		if err := sameType(x, y); err != nil {
			return err
		}
		shape, err := broadcast(cond.Shape, x.Shape, y.Shape)
		if err != nil {
			return err
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil || size(shape) == 0 {
			return err
		}
		l := newLoops(shape, stretched(cond.Shape, shape), stretched(x.Shape, shape), stretched(y.Shape, shape))
		choice := cond.Data.([]bool)
		switch d := words(out.Data).(type) {
		case []uint8:
			choose(c, l, d, choice, words(x.Data).([]uint8), words(y.Data).([]uint8))
		case []uint16:
			choose(c, l, d, choice, words(x.Data).([]uint16), words(y.Data).([]uint16))
		case []uint32:
			choose(c, l, d, choice, words(x.Data).([]uint32), words(y.Data).([]uint32))
		case []uint64:
			choose(c, l, d, choice, words(x.Data).([]uint64), words(y.Data).([]uint64))
		case []string:
			choose(c, l, d, choice, x.Data.([]string), y.Data.([]string))
		}
		return nil
	}, nil
}

func choose[T any](c *Call, l *loops, d []T, choice []bool, x, y []T) {
	n, step := l.inner()
	c.Parallel(l.rows(), n, func(lo, hi int) {
		l.each(lo, hi, func(r int, off []int) {
			o, i, j := off[0], off[1], off[2]
			for k := range d[r*n : r*n+n] {
				if choice[o] {
					d[r*n+k] = x[i]
				} else {
					d[r*n+k] = y[j]
				}
				o, i, j = o+step[0], i+step[1], j+step[2]
			}
		})
	})
}
