package kernel

import (
	"fmt"
	"slices"
)

// prepareMultiHeadAttention prepares com.microsoft.MultiHeadAttention: queries,
// keys and values apart or packed, each with a bias.
func prepareMultiHeadAttention(n *Node) (Kernel, error) {
	count := int(n.Int("num_heads", 0))
	causal, scale, low := n.Flag("unidirectional"), n.Float("scale", 0), n.Float("mask_filter_value", -10000)
	wantPresent := n.Wants(1) || n.Wants(2)
	if n.Has(8) || n.Has(9) {
		return nil, fmt.Errorf("shared buffers are not supported")
	}
	return func(c *Call) error {
		a := &attention{scale: scale, causal: causal, heads: count, kv: count}
		if count <= 0 {
			return fmt.Errorf("%d heads", count)
		}
		if err := a.queriesKeysValues(c); err != nil {
			return err
		}
		if c.Has(3) {
			if err := a.addBias(c); err != nil {
				return err
			}
		}
		if wantPresent || c.Has(6) {
			if err := a.cache(c, 6, 1, wantPresent); err != nil {
				return err
			}
		}
		mask, err := a.paddingMask(c.Input(4), low)
		if err != nil {
			return err
		}
		return a.finish(c, mask, c.Input(5))
	}, nil
}

// queriesKeysValues reads inputs 0, 1 and 2.
func (a *attention) queriesKeysValues(c *Call) error {
	q := c.In[0]
	qv, err := floats32(q, "query", -1)
	if err != nil {
		return err
	}
	if len(q.Shape) < 3 {
		return fmt.Errorf("query of shape %v", q.Shape)
	}
	a.batch, a.queries = q.Shape[0], q.Shape[1]
	if len(q.Shape) == 5 { // b, i, h, 3, d
		a.d, a.dv, a.keys = q.Shape[4], q.Shape[4], a.queries
		for i, x := range []*heads{&a.q, &a.k, &a.v} {
			*x = heads{qv[i*a.d:], a.queries * a.heads * 3 * a.d, 3 * a.d, a.heads * 3 * a.d}
		}
		return nil
	}
	a.d = q.Shape[2] / a.heads
	a.q = apart(qv, a.queries, a.heads, a.d)
	k := c.Input(1)
	if k == nil {
		return fmt.Errorf("query of shape %v without keys", q.Shape)
	}
	kv, err := floats32(k, "key", -1)
	if err != nil {
		return err
	}
	switch {
	case len(k.Shape) == 5: // b, j, h, 2, d
		a.dv, a.keys = a.d, k.Shape[1]
		for i, x := range []*heads{&a.k, &a.v} {
			*x = heads{kv[i*a.d:], a.keys * a.kv * 2 * a.d, 2 * a.d, a.kv * 2 * a.d}
		}
		return nil
	case !c.Has(2):
		return fmt.Errorf("key of shape %v without values", k.Shape)
	}
	v := c.In[2]
	vv, err := floats32(v, "value", len(k.Shape))
	if err != nil {
		return err
	}
	switch {
	case len(k.Shape) == 3 && k.Shape[2] == a.kv*a.d && v.Shape[2]%a.kv == 0 && v.Shape[1] == k.Shape[1]:
		a.keys, a.dv = k.Shape[1], v.Shape[2]/a.kv
		a.k, a.v = apart(kv, a.keys, a.kv, a.d), apart(vv, a.keys, a.kv, a.dv)
	case len(k.Shape) == 4 && k.Shape[1] == a.kv && k.Shape[3] == a.d:
		a.keys, a.dv = k.Shape[2], v.Shape[3]
		a.k, a.v = stacked(kv, a.keys, a.kv, a.d), stacked(vv, a.keys, a.kv, a.dv)
	default:
		return fmt.Errorf("key of shape %v beside a query of %v in %d heads", k.Shape, q.Shape, a.heads)
	}
	return nil
}

// addBias adds input 3, the biases of queries, keys and values one after the
// other, to copies of them.
func (a *attention) addBias(c *Call) error {
	bias, err := floats32(c.In[3], "bias", 1)
	if err != nil {
		return err
	}
	if len(bias) != a.heads*a.d+a.kv*(a.d+a.dv) {
		return fmt.Errorf("bias of %d for heads of %d, %d and %d", len(bias), a.heads*a.d, a.kv*a.d, a.kv*a.dv)
	}
	for _, p := range []struct {
		x           *heads
		rows, count int
		d           int
	}{{&a.q, a.queries, a.heads, a.d}, {&a.k, a.keys, a.kv, a.d}, {&a.v, a.keys, a.kv, a.dv}} {
		to := apart(c.Floats(a.batch*p.rows*p.count*p.d), p.rows, p.count, p.d)
		for b := range a.batch {
			for h := range p.count {
				for i := range p.rows {
					d := to.data[b*to.batch+h*to.head+i*to.row:][:p.d]
					copy(d, p.x.data[b*p.x.batch+h*p.x.head+i*p.x.row:])
					addTo(d, bias[h*p.d:])
				}
			}
		}
		*p.x = to
		bias = bias[p.count*p.d:]
	}
	return nil
}

// prepareGroupQueryAttention prepares com.microsoft.GroupQueryAttention: causal
// attention with few heads of keys and values, a cache, and rotary positions.
func prepareGroupQueryAttention(n *Node) (Kernel, error) {
	count, kv := int(n.Int("num_heads", 0)), int(n.Int("kv_num_heads", 0))
	scale, softcap, window := n.Float("scale", 0), n.Float("softcap", 0), int(n.Int("local_window_size", -1))
	turn, interleaved := n.Flag("do_rotary"), n.Flag("rotary_interleaved")
	if n.Flag("smooth_softmax") {
		return nil, fmt.Errorf("smooth_softmax is not supported")
	}
	return func(c *Call) error {
		q, err := floats32(c.In[0], "query", 3)
		if err != nil {
			return err
		}
		a := &attention{batch: c.In[0].Shape[0], queries: c.In[0].Shape[1], heads: count, kv: kv, scale: scale, softcap: softcap,
			causal: true, window: max(0, window)}
		a.keys = a.queries
		if count <= 0 || kv <= 0 {
			return fmt.Errorf("%d heads of queries and %d of keys", count, kv)
		}
		width := c.In[0].Shape[2]
		if !c.Has(1) { // packed: queries, keys, values side by side
			a.d = width / (count + 2*kv)
			a.q = heads{q, a.queries * width, a.d, width}
			a.k, a.v = a.q, a.q
			a.k.data, a.v.data = q[count*a.d:], q[(count+kv)*a.d:]
		} else {
			a.d = width / count
			k, err := floats32(c.In[1], "key", 3)
			if err != nil {
				return err
			}
			v, err := floats32(c.In[2], "value", 3)
			if err != nil {
				return err
			}
			if len(k) != a.batch*a.keys*kv*a.d || len(v) != len(k) {
				return fmt.Errorf("key of shape %v and value of %v in %d heads of %d", c.In[1].Shape, c.In[2].Shape, kv, a.d)
			}
			a.q, a.k, a.v = apart(q, a.queries, count, a.d), apart(k, a.keys, kv, a.d), apart(v, a.keys, kv, a.d)
		}
		a.dv = a.d
		last, err := ints(c.In[5])
		if err != nil {
			return err
		}
		past := 0
		if c.Has(3) {
			past = c.In[3].Shape[2]
		}
		if slices.ContainsFunc(last, func(n int) bool { return n+1 != past+a.queries }) {
			return fmt.Errorf("sequences of different lengths in one batch are not supported")
		}
		if turn {
			if err := a.rotate(c, interleaved, past); err != nil {
				return err
			}
		}
		if err := a.cache(c, 3, 1, true); err != nil {
			return err
		}
		return a.finish(c, nil, c.Input(10))
	}, nil
}

// rotate turns queries and keys by their positions, into copies.
func (a *attention) rotate(c *Call, interleaved bool, past int) error {
	if !c.Has(7) || !c.Has(8) {
		return fmt.Errorf("the caches of cosines and sines are missing")
	}
	r, err := newRotary(c.In[7], c.In[8], interleaved)
	if err != nil {
		return err
	}
	if 2*r.half > a.d {
		return fmt.Errorf("%d pairs in heads of %d", r.half, a.d)
	}
	for _, p := range []struct {
		x     *heads
		count int
	}{{&a.q, a.heads}, {&a.k, a.kv}} {
		to := apart(c.Floats(a.batch*a.queries*p.count*a.d), a.queries, p.count, a.d)
		for b := range a.batch {
			for h := range p.count {
				for i := range a.queries {
					d := to.data[b*to.batch+h*to.head+i*to.row:][:a.d]
					if err := r.turn(d, p.x.data[b*p.x.batch+h*p.x.head+i*p.x.row:][:a.d], past+i); err != nil {
						return err
					}
				}
			}
		}
		*p.x = to
	}
	return nil
}
