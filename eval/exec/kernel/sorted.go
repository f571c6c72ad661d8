package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// walking is the table of the operators whose result depends on the order along
// an axis.
var walking = ops{
	"ArgMax": compute(prepareArg),
	"ArgMin": compute(prepareArg),
	"TopK":   compute(prepareTopK),
	"CumSum": compute(prepareCumulate), "CumProd": compute(prepareCumulate),
}

// prepareArg prepares ArgMax and ArgMin.
func prepareArg(n *Node) (Kernel, error) {
	at, keep, last := int(n.Int("axis", 0)), n.Int("keepdims", 1) != 0, n.Flag("select_last_index")
	least := n.Op == "ArgMin"
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		shape := slices.Clone(x.Shape)
		if shape[axis] = 1; !keep {
			shape = slices.Delete(shape, axis, axis+1)
		}
		if x.Shape[axis] == 0 {
			return fmt.Errorf("axis %d of %v is empty", axis, x.Shape)
		}
		out, err := c.New(0, onnxgraph.Int64, shape...)
		if err != nil {
			return err
		}
		d := out.Data.([]int64)
		switch v := x.Data.(type) {
		case []float32:
			arg(d, v, x.Shape, axis, least, last)
		case []float64:
			arg(d, v, x.Shape, axis, least, last)
		case []int8:
			arg(d, v, x.Shape, axis, least, last)
		case []uint8:
			arg(d, v, x.Shape, axis, least, last)
		case []int32:
			arg(d, v, x.Shape, axis, least, last)
		case []int64:
			arg(d, v, x.Shape, axis, least, last)
		default:
			return badType(x)
		}
		return nil
	}, nil
}

// arg writes the index of the greatest (or least) element along the axis, the
// first or the last of equals.
func arg[T number](d []int64, x []T, shape []int, axis int, least, last bool) {
	outer, n, inner := split3(shape, axis)
	for o := range outer {
		for i := range inner {
			at, best := 0, x[o*n*inner+i]
			for k := 1; k < n; k++ {
				v := x[(o*n+k)*inner+i]
				if v == best && last || v > best && !least || v < best && least {
					at, best = k, v
				}
			}
			d[o*inner+i] = int64(at)
		}
	}
}

// prepareTopK prepares TopK. Of equal elements the one of lower index comes
// first.
func prepareTopK(n *Node) (Kernel, error) {
	at, largest := int(n.Int("axis", -1)), n.Int("largest", 1) != 0
	fixed := int(n.Int("k", -1))
	return func(c *Call) error {
		x, k := c.In[0], fixed
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		if c.Has(1) {
			if k, err = oneInt(c.In[1]); err != nil {
				return err
			}
		}
		if k < 0 || k > x.Shape[axis] {
			return fmt.Errorf("k is %d for axis %d of %v", k, axis, x.Shape)
		}
		shape := slices.Clone(x.Shape)
		shape[axis] = k
		values, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		index, err := c.New(1, onnxgraph.Int64, shape...)
		if err != nil {
			return err
		}
		at := index.Data.([]int64)
		switch v := x.Data.(type) {
		case []float32:
			topK(values.Data.([]float32), at, v, x.Shape, axis, k, largest)
		case []float64:
			topK(values.Data.([]float64), at, v, x.Shape, axis, k, largest)
		case []int32:
			topK(values.Data.([]int32), at, v, x.Shape, axis, k, largest)
		case []int64:
			topK(values.Data.([]int64), at, v, x.Shape, axis, k, largest)
		case []uint8:
			topK(values.Data.([]uint8), at, v, x.Shape, axis, k, largest)
		case []int8:
			topK(values.Data.([]int8), at, v, x.Shape, axis, k, largest)
		case []int16:
			topK(values.Data.([]int16), at, v, x.Shape, axis, k, largest)
		case []uint16:
			topK(values.Data.([]uint16), at, v, x.Shape, axis, k, largest)
		case []uint32:
			topK(values.Data.([]uint32), at, v, x.Shape, axis, k, largest)
		case []uint64:
			topK(values.Data.([]uint64), at, v, x.Shape, axis, k, largest)
		default:
			return badType(x)
		}
		return nil
	}, nil
}

func topK[T number](values []T, index []int64, x []T, shape []int, axis, k int, largest bool) {
	outer, n, inner := split3(shape, axis)
	order := make([]int, n)
	for o := range outer {
		for i := range inner {
			at := func(j int) T { return x[(o*n+j)*inner+i] }
			for j := range order {
				order[j] = j
			}
			slices.SortStableFunc(order, func(a, b int) int {
				va, vb := at(a), at(b)
				switch {
				case va == vb:
					return 0
				case (va > vb) == largest:
					return -1
				}
				return 1
			})
			for j := range k {
				to := (o*k+j)*inner + i
				values[to], index[to] = at(order[j]), int64(order[j])
			}
		}
	}
}

// prepareCumulate prepares CumSum and CumProd.
func prepareCumulate(n *Node) (Kernel, error) {
	product := n.Op == "CumProd"
	exclusive, reverse := n.Flag("exclusive"), n.Flag("reverse")
	return func(c *Call) error {
		x := c.In[0]
		at, err := oneInt(c.In[1])
		if err != nil {
			return err
		}
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		out, err := c.New(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		switch v := x.Data.(type) {
		case []float32:
			cumulate(out.Data.([]float32), v, x.Shape, axis, exclusive, reverse, product)
		case []float64:
			cumulate(out.Data.([]float64), v, x.Shape, axis, exclusive, reverse, product)
		case []int32:
			cumulate(out.Data.([]int32), v, x.Shape, axis, exclusive, reverse, product)
		case []int64:
			cumulate(out.Data.([]int64), v, x.Shape, axis, exclusive, reverse, product)
		default:
			return badType(x)
		}
		return nil
	}, nil
}

func cumulate[T number](d, x []T, shape []int, axis int, exclusive, reverse, product bool) {
	outer, n, inner := split3(shape, axis)
	for o := range outer {
		for i := range inner {
			var acc T
			if product {
				acc = 1
			}
			for k := range n {
				if reverse {
					k = n - 1 - k
				}
				at := (o*n+k)*inner + i
				before := acc
				if product {
					acc *= x[at]
				} else {
					acc += x[at]
				}
				if d[at] = acc; exclusive {
					d[at] = before
				}
			}
		}
	}
}
