package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// preparePackedAttention prepares com.microsoft.Attention: queries, keys and
// values are made from the input by one packed weight.
func preparePackedAttention(n *Node) (Kernel, error) {
	count, sizes := int(n.Int("num_heads", 0)), n.Ints("qkv_hidden_sizes")
	if n.Flag("do_rotary") || n.Flag("past_present_share_buffer") {
		return nil, fmt.Errorf("rotary embedding and shared buffers are not supported")
	}
	causal, scale, low := n.Flag("unidirectional"), n.Float("scale", 0), n.Float("mask_filter_value", -10000)
	wantPresent := n.Wants(1)
	return func(c *Call) error {
		x, err := floats32(c.In[0], "input", 3)
		if err != nil {
			return err
		}
		w, err := floats32(c.In[1], "weights", 2)
		if err != nil {
			return err
		}
		batch, steps, in, packed := c.In[0].Shape[0], c.In[0].Shape[1], c.In[0].Shape[2], c.In[1].Shape[1]
		widths := sizes
		if len(widths) != 3 {
			widths = []int{packed / 3, packed / 3, packed / 3}
		}
		if count <= 0 || widths[0]+widths[1]+widths[2] != packed || c.In[1].Shape[0] != in || widths[0] != widths[1] ||
			widths[0]%count != 0 || widths[2]%count != 0 {
			return fmt.Errorf("weights of shape %v for %d heads and input %v", c.In[1].Shape, count, c.In[0].Shape)
		}
		then := f32.Epilogue{}
		if c.Has(2) {
			if then.ColBias, err = operand[float32](c.In[2], packed); err != nil {
				return fmt.Errorf("bias: %w", err)
			}
		}
		qkv := c.Floats(batch * steps * packed)
		f32.Product(c.Threads, 1, f32.Dense(x, batch*steps, in, in), f32.Dense(w, in, packed, packed), 0, qkv, packed, then)
		a := &attention{batch: batch, heads: count, kv: count, queries: steps, keys: steps, d: widths[0] / count, dv: widths[2] / count,
			scale: scale, causal: causal}
		part := func(at, width int) heads { return heads{qkv[at:], steps * packed, width / count, packed} }
		a.q, a.k, a.v = part(0, widths[0]), part(widths[0], widths[1]), part(widths[0]+widths[1], widths[2])
		if err := a.packedCache(c, wantPresent); err != nil {
			return err
		}
		masks, err := a.paddingMask(c.Input(3), low)
		if err != nil {
			return err
		}
		return a.finish(c, masks, c.Input(5))
	}, nil
}

// packedCache puts the past, input 4, before keys and values; it holds both in
// one tensor, and so does the present, output 1.
func (a *attention) packedCache(c *Call, wanted bool) error {
	past := c.Input(4)
	if past == nil && !wanted {
		return nil
	}
	if a.d != a.dv {
		return fmt.Errorf("a cache of keys of %d and values of %d", a.d, a.dv)
	}
	var old [2]*Tensor
	if past != nil {
		v, err := floats32(past, "past", 5)
		if err != nil {
			return err
		}
		for i := range old {
			half := len(v) / 2
			old[i] = &Tensor{Type: onnxgraph.Float32, Shape: past.Shape[1:], Data: v[i*half:][:half]}
		}
	}
	k, before, err := c.present(-1, old[0], a.k, a.batch, a.keys, a.kv, a.d)
	if err != nil {
		return err
	}
	v, _, err := c.present(-1, old[1], a.v, a.batch, a.keys, a.kv, a.dv)
	if err != nil {
		return err
	}
	a.k, a.v, a.past = k, v, before
	a.keys += before
	if !wanted {
		return nil
	}
	t, err := c.New(1, onnxgraph.Float32, 2, a.batch, a.kv, a.keys, a.d)
	if err != nil {
		return err
	}
	d := t.Data.([]float32)
	copy(d[copy(d, k.data):], v.data)
	return nil
}

// paddingMask reads a mask of padding: how many keys each example has, where
// they end and where they begin, or 1 or more for every key (of every query) to be
// seen. Hidden scores get low added.
func (a *attention) paddingMask(t *Tensor, low float32) (func(b, h, i int, scores []float32), error) {
	if t == nil || size(t.Shape) == 0 {
		return nil, nil
	}
	m, err := ints(t)
	if err != nil {
		return nil, err
	}
	hide := func(seen func(b, i, j int) bool) func(b, h, i int, scores []float32) {
		return func(b, _, i int, scores []float32) {
			for j := range scores {
				if !seen(b, i, j) {
					scores[j] += low
				}
			}
		}
	}
	switch n := len(m); {
	case len(t.Shape) == 1 && n == a.batch:
		return hide(func(b, _, j int) bool { return j < m[b] }), nil
	case len(t.Shape) == 1 && n == 2*a.batch:
		return hide(func(b, _, j int) bool { return j < m[b] && j >= m[a.batch+b] }), nil
	case len(t.Shape) == 2 && n == a.batch*a.keys:
		return hide(func(b, _, j int) bool { return m[b*a.keys+j] > 0 }), nil
	case len(t.Shape) == 3 && n == a.batch*a.queries*a.keys:
		return hide(func(b, i, j int) bool { return m[(b*a.queries+i)*a.keys+j] > 0 }), nil
	}
	return nil, fmt.Errorf("mask of shape %v for %d examples of %d keys", t.Shape, a.batch, a.keys)
}

// finish makes output 0, heads side by side, under a mask and a bias that is
// added to the scores (each nil if there is none).
func (a *attention) finish(c *Call, mask func(b, h, i int, scores []float32), bias *Tensor) error {
	a.mask = mask
	if bias != nil {
		add, err := a.broadcastMask(bias)
		if err != nil {
			return err
		}
		a.mask = add
		if mask != nil {
			a.mask = func(b, h, i int, scores []float32) {
				mask(b, h, i, scores)
				add(b, h, i, scores)
			}
		}
	}
	out, err := c.New(0, onnxgraph.Float32, a.batch, a.queries, a.heads*a.dv)
	if err != nil {
		return err
	}
	a.out = apart(out.Data.([]float32), a.queries, a.heads, a.dv)
	return a.run(c)
}
