package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// prepareImputer prepares Imputer: elements that equal one value, often NaN, are replaced, by feature.
func prepareImputer(n *Node) (Kernel, error) {
	by, missing := convert[float64](n.Floats("imputed_value_floats")), float64(n.Float("replaced_value_float", 0))
	if len(by) == 0 {
		a, _ := n.attr("imputed_value_int64s", onnxgraph.AttrInts)
		by, missing = convert[float64](a.Ints), float64(n.Int("replaced_value_int64", 0))
	}
	if len(by) == 0 {
		return nil, fmt.Errorf("no values to impute")
	}
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		if shape := c.In[0].Shape; len(by) > 1 && (len(shape) == 0 || shape[len(shape)-1] != len(by)) {
			return fmt.Errorf("%d values to impute for samples of shape %v", len(by), shape)
		}
		y := slices.Clone(x)
		for i, v := range x {
			if v == missing || math.IsNaN(v) && math.IsNaN(missing) {
				y[i] = by[i%len(by)]
			}
		}
		return c.give(0, c.In[0].Type, y, c.In[0].Shape...)
	}, nil
}

// prepareOneHotEncoder prepares OneHotEncoder: for each element a row with 1 at its category.
func prepareOneHotEncoder(n *Node) (Kernel, error) {
	keys := &Tensor{Type: onnxgraph.String, Data: n.Strings("cats_strings")}
	if a, ok := n.attr("cats_int64s", onnxgraph.AttrInts); ok {
		keys = &Tensor{Type: onnxgraph.Int64, Data: a.Ints}
	}
	places, err := placesOf(keys)
	if err != nil {
		return nil, err
	}
	width, lenient := length(keys.Data), n.Int("zeros", 1) != 0
	return func(c *Call) error {
		x := c.In[0]
		if x.Type != onnxgraph.String {
			whole, err := truncated(x)
			if err != nil {
				return err
			}
			x = whole
		}
		find, err := places(x)
		if err != nil {
			return err
		}
		out, err := c.Zeros(0, onnxgraph.Float32, append(slices.Clone(x.Shape), width)...)
		if err != nil {
			return err
		}
		for i := range size(x.Shape) {
			k := find(i)
			if k < width {
				out.Data.([]float32)[i*width+k] = 1
			} else if !lenient {
				return fmt.Errorf("element %d is none of the %d categories", i, width)
			}
		}
		return nil
	}, nil
}

// truncated returns numbers as whole ones.
func truncated(x *Tensor) (*Tensor, error) {
	v, err := floats64(x)
	if err != nil {
		return nil, err
	}
	whole := make([]float64, len(v))
	for i, f := range v {
		whole[i] = math.Trunc(f)
	}
	return &Tensor{Type: onnxgraph.Float64, Shape: x.Shape, Data: whole}, nil
}

// prepareFeatureVectorizer prepares FeatureVectorizer: the columns of all inputs side by side, as floats.
func prepareFeatureVectorizer(n *Node) (Kernel, error) {
	widths := n.Ints("inputdimensions")
	return func(c *Call) error {
		if len(widths) != len(c.In) {
			return fmt.Errorf("%d input dimensions for %d inputs", len(widths), len(c.In))
		}
		rows, total := sampleCount(c.In[0]), 0
		for _, w := range widths {
			total += w
		}
		out, err := c.New(0, onnxgraph.Float32, rows, total)
		if err != nil {
			return err
		}
		at := 0
		for i, x := range c.In {
			v, err := floats64(x)
			if err != nil {
				return err
			}
			if len(v) != rows*widths[i] {
				return fmt.Errorf("input %d has shape %v, want %d rows of %d", i, x.Shape, rows, widths[i])
			}
			for k, f := range v {
				out.Data.([]float32)[k/widths[i]*total+at+k%widths[i]] = float32(f)
			}
			at += widths[i]
		}
		return nil
	}, nil
}
