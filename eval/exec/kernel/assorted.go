package kernel

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// updating is the table of the operators that move or count whole elements and
// belong to no larger family.
var updating = ops{
	"BitCast":            move(prepareBitCast),
	"TensorScatter":      move(prepareTensorScatter),
	"CenterCropPad":      move(prepareCenterCropPad),
	"Unique":             compute(prepareUnique),
	"OptionalHasElement": move(prepareHasElement),
	"OptionalGetElement": move(prepareIdentity),
	"SwiGLU":             compute(prepareSwiGLU),
	"Det":                compute(prepareDet),
}

// prepareBitCast prepares BitCast: the same bits as elements of another type of
// the same size.
func prepareBitCast(n *Node) (Kernel, error) {
	typ := DataType(n.Int("to", 0))
	return func(c *Call) error {
		x := c.In[0]
		out, err := c.New(0, typ, x.Shape...)
		if err != nil {
			return err
		}
		from, to := reflect.TypeOf(words(x.Data)), reflect.TypeOf(words(out.Data))
		if from != to || x.Type == onnxgraph.String {
			return fmt.Errorf("elements of type %v do not have the size of %v", x.Type, typ)
		}
		copyRegion(c, out, whole(x.Shape), x, whole(x.Shape), x.Shape)
		return nil
	}, nil
}

// prepareTensorScatter prepares TensorScatter: an update written into a cache,
// at a place of its own for every example.
func prepareTensorScatter(n *Node) (Kernel, error) {
	at, circular := int(n.Int("axis", -2)), n.String("mode", "linear") == "circular"
	return func(c *Call) error {
		x, update := c.In[0], c.In[1]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		if err := sameType(x, update); err != nil {
			return err
		}
		like := slices.Clone(update.Shape)
		if len(like) == len(x.Shape) {
			like[axis] = x.Shape[axis]
		}
		if axis == 0 || !equalShape(like, x.Shape) || update.Shape[axis] > x.Shape[axis] {
			return fmt.Errorf("update of shape %v for a cache of %v along axis %d", update.Shape, x.Shape, axis)
		}
		starts := make([]int, x.Shape[0])
		if c.Has(2) {
			if starts, err = ints(c.In[2]); err != nil || len(starts) != x.Shape[0] {
				return fmt.Errorf("%d places for %d examples", len(starts), x.Shape[0])
			}
		}
		out, err := c.New(0, x.Type, x.Shape...)
		if err != nil {
			return err
		}
		copyRegion(c, out, whole(x.Shape), x, whole(x.Shape), x.Shape)
		outer, n, inner := split3(x.Shape, axis)
		for o := range outer {
			for k := range update.Shape[axis] {
				to := starts[o*x.Shape[0]/outer] + k
				if circular && n > 0 {
					to %= n
				}
				if to < 0 || to >= n {
					return fmt.Errorf("place %d of %d", to, n)
				}
				row := []int{inner}
				copyRegion(c, out, region{(o*n + to) * inner, []int{1}}, update, region{(o*update.Shape[axis] + k) * inner, []int{1}}, row)
			}
		}
		return nil
	}, nil
}

// prepareCenterCropPad prepares CenterCropPad: axes brought to a size about
// their middle, by cutting or with zeros.
func prepareCenterCropPad(n *Node) (Kernel, error) {
	list := n.Ints("axes")
	return func(c *Call) error {
		x, axes := c.In[0], list
		if axes == nil {
			for i := range x.Shape {
				axes = append(axes, i)
			}
		}
		sizes, err := ints(c.In[1])
		if err != nil {
			return err
		}
		if len(sizes) != len(axes) {
			return fmt.Errorf("%d sizes for %d axes", len(sizes), len(axes))
		}
		shape, common := slices.Clone(x.Shape), slices.Clone(x.Shape)
		from, to := whole(x.Shape), region{}
		for i, a := range axes {
			axis, err := axisOf(a, len(x.Shape))
			if err != nil {
				return err
			}
			shape[axis] = sizes[i]
			common[axis] = min(sizes[i], x.Shape[axis])
		}
		out, err := c.Zeros(0, x.Type, shape...)
		if err != nil {
			return err
		}
		to.strides = strides(shape)
		for i, d := range shape {
			from.off += max(0, x.Shape[i]-d) / 2 * from.strides[i]
			to.off += max(0, d-x.Shape[i]) / 2 * to.strides[i]
		}
		copyRegion(c, out, to, x, from, common)
		return nil
	}, nil
}

// prepareHasElement prepares OptionalHasElement. An optional that is given
// stands for what it holds.
func prepareHasElement(*Node) (Kernel, error) {
	return func(c *Call) error {
		t, err := c.New(0, onnxgraph.Bool)
		if err == nil {
			t.Data.([]bool)[0] = c.Has(0)
		}
		return err
	}, nil
}

// prepareSwiGLU prepares SwiGLU: swish(a)·b.
func prepareSwiGLU(n *Node) (Kernel, error) {
	f := swish(float64(n.Float("alpha", 1)))
	return func(c *Call) error {
		switch c.In[0].Data.(type) {
		case []float32:
			return zip(c, c.In[0].Type, row2Of(func(a, b float32) float32 { return float32(f(float64(a))) * b }))
		case []float64:
			return zip(c, c.In[0].Type, row2Of(func(a, b float64) float64 { return f(a) * b }))
		}
		return badType(c.In[0])
	}, nil
}

// prepareUnique prepares Unique: the different slices along an axis, or
// elements, sorted or by their first place; with those places, for each slice
// the number of its like, and how many there are of each.
func prepareUnique(n *Node) (Kernel, error) {
	at, flat, sorted := int(n.Int("axis", 0)), !n.HasAttr("axis"), n.Int("sorted", 1) != 0
	return func(c *Call) error {
		x := *c.In[0]
		if flat {
			x.Shape = []int{size(x.Shape)}
		}
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		outer, count, inner := split3(x.Shape, axis)
		if x.Type == onnxgraph.String && outer*inner != 1 {
			return fmt.Errorf("slices of strings are not supported")
		}
		less, err := comparing(&x, outer, count, inner)
		if err != nil {
			return err
		}
		order := make([]int, count)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, less)
		var first []int // of each group of equals
		group := make([]int64, count)
		for i, k := range order {
			if i == 0 || less(order[i-1], k) != 0 {
				first = append(first, k)
			}
			group[k] = int64(len(first) - 1)
		}
		if !sorted {
			bySight(first, group)
		}
		counts := make([]int64, len(first))
		for _, g := range group {
			counts[g]++
		}
		shape := slices.Clone(x.Shape)
		shape[axis] = len(first)
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyBlocks(c, out, &x, outer*len(first), inner, func(b int) int {
			return (b/len(first)*count + first[b%len(first)]) * inner
		})
		places := make([]int64, len(first))
		for i, k := range first {
			places[i] = int64(k)
		}
		for i, v := range [][]int64{places, group, counts} {
			t, err := c.New(i+1, onnxgraph.Int64, len(v))
			if err != nil {
				return err
			}
			copy(t.Data.([]int64), v)
		}
		return nil
	}, nil
}

// comparing returns the order of slices along the middle one of three axes.
func comparing(x *Tensor, outer, count, inner int) (func(i, j int) int, error) {
	at := func(i, k int) int { return (k/inner*count+i)*inner + k%inner }
	if s, ok := x.Data.([]string); ok {
		return func(i, j int) int { return bytes.Compare([]byte(s[i]), []byte(s[j])) }, nil
	}
	v, err := floats64(x)
	return func(i, j int) int {
		for k := range outer * inner {
			if d := cmp.Compare(v[at(i, k)], v[at(j, k)]); d != 0 {
				return d
			}
		}
		return 0
	}, err
}

// bySight renumbers groups by the place of their first.
func bySight(first []int, group []int64) {
	order := make([]int, len(first))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return first[i] - first[j] })
	number := make([]int64, len(first))
	for i, g := range order {
		number[g] = int64(i)
	}
	slices.Sort(first)
	for i, g := range group {
		group[i] = number[g]
	}
}
