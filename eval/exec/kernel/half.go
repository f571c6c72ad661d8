package kernel

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func isHalf(t DataType) bool { return t == onnxgraph.Float16 || t == onnxgraph.BFloat16 }

// widened makes an operator on float32 take float16 and bfloat16 as well: such
// inputs are widened, and the float32 outputs of a call with one rounded. The
// statistics of LayerNormalization stay float32.
func widened(prepare Prepare) Prepare {
	return func(n *Node) (Kernel, error) {
		wide := *n
		wide.Const = make([]*Tensor, len(n.Const))
		for i, t := range n.Const {
			if wide.Const[i] = t; t != nil && isHalf(t.Type) {
				wide.Const[i] = &Tensor{Type: onnxgraph.Float32, Shape: t.Shape, Data: widen(t)}
			}
		}
		run, err := prepare(&wide)
		if err != nil {
			return nil, err
		}
		rounded := math.MaxInt
		if n.Op == "LayerNormalization" {
			rounded = 1
		}
		return func(c *Call) error {
			for _, t := range c.In {
				if t != nil && isHalf(t.Type) {
					return runWide(c, run, wide.Const, t.Type, rounded)
				}
			}
			return run(c)
		}, nil
	}
}

// runWide runs a kernel on widened inputs and rounds the first of its outputs,
// where they are float32, to typ.
func runWide(c *Call, run Kernel, consts []*Tensor, typ DataType, rounded int) error {
	for i, t := range c.In {
		if t == nil || !isHalf(t.Type) {
			continue
		}
		c.Last[i] = false
		if consts[i] != nil {
			c.In[i] = consts[i]
			continue
		}
		v, err := c.Pool.get(onnxgraph.Float32, t.Shape)
		if err != nil {
			return err
		}
		c.scratch = append(c.scratch, v)
		widenTo(v.Data.([]float32), t)
		c.In[i], c.Values[i], c.Last[i] = &v.Tensor, v, true
	}
	if err := run(c); err != nil {
		return err
	}
	for i, v := range c.Out[:min(rounded, len(c.Out))] {
		if v == nil || v.Type != onnxgraph.Float32 {
			continue
		}
		t, err := c.New(i, typ, v.Shape...)
		if err != nil {
			return err
		}
		narrowTo(t, v.Data.([]float32))
		v.Release()
	}
	return nil
}

// widen converts a float16 or bfloat16 tensor to float32.
func widen(t *Tensor) []float32 {
	out := make([]float32, length(t.Data))
	widenTo(out, t)
	return out
}

func widenTo(out []float32, t *Tensor) {
	x, f := t.Data.([]uint16), half.Float16
	if t.Type == onnxgraph.BFloat16 {
		f = half.BFloat16
	}
	for i, h := range x {
		out[i] = f(h)
	}
}

// narrowTo rounds x to the half-precision type of t.
func narrowTo(t *Tensor, x []float32) {
	out, f := t.Data.([]uint16), half.ToFloat16
	if t.Type == onnxgraph.BFloat16 {
		f = half.ToBFloat16
	}
	for i, v := range x {
		out[i] = f(v)
	}
}
