package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// rotary turns pairs of a vector's elements by the angle of its position.
type rotary struct {
	cos, sin    []float32
	half        int  // pairs; the caches have a row of so many for each position
	interleaved bool // pairs are neighbours, not half the vector apart
}

// turn writes the turned vector; what is behind the pairs stays.
func (r *rotary) turn(d, x []float32, position int) error {
	if position < 0 || (position+1)*r.half > len(r.cos) {
		return fmt.Errorf("position %d is outside the cache", position)
	}
	cos, sin := r.cos[position*r.half:], r.sin[position*r.half:]
	copy(d, x)
	for k := range r.half {
		i, j := k, k+r.half
		if r.interleaved {
			i, j = 2*k, 2*k+1
		}
		a, b := x[i], x[j]
		d[i], d[j] = cos[k]*a-sin[k]*b, sin[k]*a+cos[k]*b
	}
	return nil
}

func newRotary(cos, sin *Tensor, interleaved bool) (*rotary, error) {
	cv, err := floats32(cos, "cosines", -1)
	if err != nil {
		return nil, err
	}
	sv, err := floats32(sin, "sines", -1)
	if err != nil {
		return nil, err
	}
	if len(cos.Shape) == 0 || !equalShape(cos.Shape, sin.Shape) {
		return nil, fmt.Errorf("cosines of shape %v and sines of %v", cos.Shape, sin.Shape)
	}
	return &rotary{cos: cv, sin: sv, half: cos.Shape[len(cos.Shape)-1], interleaved: interleaved}, nil
}

// prepareRotary prepares RotaryEmbedding of ai.onnx and of com.microsoft, which
// differ in the order of their inputs.
func prepareRotary(n *Node) (Kernel, error) {
	cosAt, sinAt, idsAt := 1, 2, 3
	if n.Domain != "" {
		cosAt, sinAt, idsAt = 2, 3, 1
	}
	interleaved, count, scale := n.Flag("interleaved"), int(n.Int("num_heads", 0)), n.Float("scale", 1)
	width := int(n.Int("rotary_embedding_dim", 0))
	if n.Flag("is_packed_batching") || scale != 1 {
		return nil, fmt.Errorf("packed batches and scales are not supported")
	}
	return func(c *Call) error {
		x, err := floats32(c.In[0], "input", -1)
		if err != nil {
			return err
		}
		r, err := newRotary(c.In[cosAt], c.In[sinAt], interleaved)
		if err != nil {
			return err
		}
		shape, heads_ := c.In[0].Shape, count
		var in heads
		var n, d int
		switch {
		case len(shape) == 4:
			heads_, n, d = shape[1], shape[2], shape[3]
			in = stacked(x, n, heads_, d)
		case len(shape) == 3:
			if heads_ == 0 {
				d = 2 * r.half
				if width > 0 {
					return fmt.Errorf("num_heads is needed beside rotary_embedding_dim")
				}
				heads_ = shape[2] / max(1, d)
			}
			n, d = shape[1], shape[2]/max(1, heads_)
			in = apart(x, n, heads_, d)
		default:
			return fmt.Errorf("input of shape %v", shape)
		}
		if 2*r.half > d || heads_*d != size(shape)/max(1, shape[0]*n) {
			return fmt.Errorf("%d pairs in %d heads of input %v", r.half, heads_, shape)
		}
		ids, err := positions(c.Input(idsAt), shape[0], n)
		if err != nil {
			return err
		}
		out, err := c.New(0, onnxgraph.Float32, shape...)
		if err != nil {
			return err
		}
		y := out.Data.([]float32)
		for b := range shape[0] {
			for h := range heads_ {
				for i := range n {
					at := b*in.batch + h*in.head + i*in.row
					if err := r.turn(y[at:][:d], x[at:][:d], ids(b, i)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}, nil
}

// positions returns the position of step i of example b: given one by one, as
// the first one, or, without ids, the row of a cache that has one for each.
func positions(t *Tensor, batch, n int) (func(b, i int) int, error) {
	if t == nil {
		return func(b, i int) int { return b*n + i }, nil
	}
	ids, err := ints(t)
	switch {
	case err != nil:
		return nil, err
	case len(ids) == batch*n && (len(t.Shape) > 1 || n > 1):
		return func(b, i int) int { return ids[b*n+i] }, nil
	case len(ids) == 1:
		return func(_, i int) int { return ids[0] + i }, nil
	}
	return nil, fmt.Errorf("positions of shape %v for %d examples of %d", t.Shape, batch, n)
}
