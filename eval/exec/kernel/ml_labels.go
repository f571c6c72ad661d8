package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// prepareLabelEncoder prepares LabelEncoder: every element looked up in a list
// of keys, and replaced by the value there or a default.
func prepareLabelEncoder(n *Node) (Kernel, error) {
	keys, err := listOf(n, "keys_", "")
	if err != nil {
		return nil, err
	}
	values, err := listOf(n, "values_", "")
	if err != nil {
		return nil, err
	}
	if keys == nil || values == nil || length(keys.Data) != length(values.Data) {
		return nil, fmt.Errorf("keys and values do not match")
	}
	other, err := listOf(n, "default_", map[DataType]string{onnxgraph.Int64: "int64", onnxgraph.String: "string", onnxgraph.Float32: "float"}[values.Type])
	if err != nil || other == nil || other.Type != values.Type || length(other.Data) != 1 {
		return nil, fmt.Errorf("no default value of type %v", values.Type)
	}
	places, err := placesOf(keys)
	if err != nil {
		return nil, err
	}
	all := &Tensor{Type: values.Type, Data: joined(values.Data, other.Data)}
	return func(c *Call) error {
		x := c.In[0]
		find, err := places(x)
		if err != nil {
			return err
		}
		out, err := c.New(0, values.Type, x.Shape...)
		if err != nil {
			return err
		}
		copyBlocks(c, out, all, size(x.Shape), 1, find)
		return nil
	}, nil
}

// listOf reads the list attribute of one of the types in use: prefix with
// "floats", "int64s", "strings" or "tensor", or a single one of the name given.
func listOf(n *Node, prefix, single string) (*Tensor, error) {
	if t, err := n.Tensor(prefix + "tensor"); t != nil || err != nil {
		return t, err
	}
	switch single {
	case "int64":
		return &Tensor{Type: onnxgraph.Int64, Data: []int64{n.Int("default_int64", -1)}}, nil
	case "string":
		return &Tensor{Type: onnxgraph.String, Data: []string{n.String("default_string", "_Unused")}}, nil
	case "float":
		return &Tensor{Type: onnxgraph.Float32, Data: []float32{n.Float("default_float", 0)}}, nil
	}
	if v := n.Strings(prefix + "strings"); v != nil {
		return &Tensor{Type: onnxgraph.String, Data: v}, nil
	}
	if v := n.Floats(prefix + "floats"); v != nil {
		return &Tensor{Type: onnxgraph.Float32, Data: v}, nil
	}
	if v, ok := n.attr(prefix+"int64s", onnxgraph.AttrInts); ok {
		return &Tensor{Type: onnxgraph.Int64, Data: v.Ints}, nil
	}
	return nil, nil
}

// placesOf returns what finds, for each element of a tensor, its place among
// the keys, or their number.
func placesOf(keys *Tensor) (func(x *Tensor) (func(i int) int, error), error) {
	if k, ok := keys.Data.([]string); ok {
		at := placeByKey(k)
		return func(x *Tensor) (func(i int) int, error) {
			v, ok := x.Data.([]string)
			if !ok {
				return nil, badType(x)
			}
			return lookup(at, v, len(k)), nil
		}, nil
	}
	k, err := floats64(keys)
	if err != nil {
		return nil, err
	}
	at := placeByKey(k)
	return func(x *Tensor) (func(i int) int, error) {
		v, err := floats64(x)
		return lookup(at, v, len(k)), err
	}, nil
}

func placeByKey[T comparable](keys []T) map[T]int {
	at := make(map[T]int, len(keys))
	for i, k := range slices.Backward(keys) {
		at[k] = i
	}
	return at
}

func lookup[T comparable](at map[T]int, v []T, none int) func(i int) int {
	return func(i int) int {
		if k, ok := at[v[i]]; ok {
			return k
		}
		return none
	}
}

// prepareBinarizer prepares Binarizer: 1 above the threshold, else 0.
func prepareBinarizer(n *Node) (Kernel, error) {
	above := float64(n.Float("threshold", 0))
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		y := make([]float64, len(x))
		for i, v := range x {
			if v > above {
				y[i] = 1
			}
		}
		return c.give(0, c.In[0].Type, y, c.In[0].Shape...)
	}, nil
}

// prepareFeatures prepares ArrayFeatureExtractor: some columns of a matrix.
func prepareFeatures(*Node) (Kernel, error) {
	return func(c *Call) error {
		x := c.In[0]
		columns, err := ints(c.In[1])
		if err != nil {
			return err
		}
		last := len(x.Shape) - 1
		if last < 0 {
			return fmt.Errorf("a single number has no features")
		}
		width := x.Shape[last]
		for _, k := range columns {
			if k < 0 || k >= width {
				return fmt.Errorf("feature %d of %d", k, width)
			}
		}
		shape := append(slices.Clone(x.Shape[:last]), len(columns))
		if last == 0 {
			shape = []int{1, len(columns)}
		}
		out, err := c.New(0, x.Type, shape...)
		if err != nil {
			return err
		}
		copyBlocks(c, out, x, size(shape), 1, func(b int) int { return b/len(columns)*width + columns[b%len(columns)] })
		return nil
	}, nil
}
