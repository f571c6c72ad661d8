package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// attending is the table of ai.onnx's own attention operators (opset 23).
var attending = ops{
	"Attention":       compute(prepareAttention),
	"RotaryEmbedding": compute(prepareRotary),
}

// prepareAttention prepares Attention: queries, keys and values with heads
// side by side or stacked, an additive or boolean mask, and a cache.
func prepareAttention(n *Node) (Kernel, error) {
	at := stage(n.Int("qk_matmul_output_mode", 0))
	window, ahead := int(n.Int("left_window_size", -1))+1, int(n.Int("right_window_size", -1))+1
	qHeads, kvHeads := int(n.Int("q_num_heads", 0)), int(n.Int("kv_num_heads", 0))
	causal, scale, softcap := n.Flag("is_causal"), n.Float("scale", 0), n.Float("softcap", 0)
	wantPresent, wantScores := n.Wants(1) || n.Wants(2), n.Wants(3)
	return func(c *Call) error {
		a := &attention{scale: scale, softcap: softcap, causal: causal, window: window, ahead: ahead, stage: at}
		var parts [3]heads
		var sizes, counts, rows [3]int
		for i, name := range []string{"query", "key", "value"} {
			t := c.In[i]
			v, err := floats32(t, name, -1)
			if err != nil {
				return err
			}
			count := kvHeads
			if i == 0 {
				count = qHeads
			}
			switch {
			case len(t.Shape) == 4:
				counts[i], rows[i], sizes[i] = t.Shape[1], t.Shape[2], t.Shape[3]
				parts[i] = stacked(v, rows[i], counts[i], sizes[i])
			case len(t.Shape) == 3 && count > 0 && t.Shape[2]%count == 0:
				counts[i], rows[i], sizes[i] = count, t.Shape[1], t.Shape[2]/count
				parts[i] = apart(v, rows[i], counts[i], sizes[i])
			default:
				return fmt.Errorf("%s of shape %v for %d heads", name, t.Shape, count)
			}
			if t.Shape[0] != c.In[0].Shape[0] || i == 2 && (counts[2] != counts[1] || rows[2] != rows[1]) || i == 1 && sizes[1] != sizes[0] {
				return fmt.Errorf("%s of shape %v beside a query of %v", name, t.Shape, c.In[0].Shape)
			}
		}
		a.batch, a.heads, a.kv, a.queries, a.keys, a.d, a.dv = c.In[0].Shape[0], counts[0], counts[1], rows[0], rows[1], sizes[0], sizes[2]
		a.q, a.k, a.v = parts[0], parts[1], parts[2]
		if wantPresent || c.Has(4) {
			if err := a.cache(c, 4, 1, wantPresent); err != nil {
				return err
			}
		}
		if c.Has(6) {
			var err error
			if a.lens, err = ints(c.In[6]); err != nil || len(a.lens) != a.batch {
				return fmt.Errorf("%d lengths of keys for %d examples", len(a.lens), a.batch)
			}
		}
		shape := []int{a.batch, a.queries, a.heads * a.dv}
		if len(c.In[0].Shape) == 4 {
			shape = []int{a.batch, a.heads, a.queries, a.dv}
		}
		out, err := c.New(0, onnxgraph.Float32, shape...)
		if err != nil {
			return err
		}
		if a.out = apart(out.Data.([]float32), a.queries, a.heads, a.dv); len(shape) == 4 {
			a.out = stacked(out.Data.([]float32), a.queries, a.heads, a.dv)
		}
		if c.Has(3) {
			if a.mask, err = a.broadcastMask(c.In[3]); err != nil {
				return err
			}
		}
		if wantScores {
			if err := a.keepScores(c, 3); err != nil {
				return err
			}
		}
		return a.run(c)
	}, nil
}

// cache puts the past of inputs at and at+1 before the keys and values.
func (a *attention) cache(c *Call, at, out int, wanted bool) error {
	outs := [2]int{-1, -1}
	if wanted {
		outs = [2]int{out, out + 1}
	}
	k, before, err := c.present(outs[0], c.Input(at), a.k, a.batch, a.keys, a.kv, a.d)
	if err != nil {
		return err
	}
	v, _, err := c.present(outs[1], c.Input(at+1), a.v, a.batch, a.keys, a.kv, a.dv)
	if err != nil {
		return err
	}
	a.k, a.v, a.past = k, v, before
	a.keys += before
	return nil
}

// broadcastMask reads a mask that stretches to examples, heads, queries and
// keys: numbers are added, false keeps a query from a key. Keys beyond a mask
// that is too short are hidden.
func (a *attention) broadcastMask(t *Tensor) (func(b, h, i int, scores []float32), error) {
	keys := a.keys
	if last := len(t.Shape) - 1; last >= 0 && t.Shape[last] > 1 {
		keys = min(keys, t.Shape[last])
	}
	full := []int{a.batch, a.heads, a.queries, keys}
	if shape, err := broadcast(t.Shape, full); err != nil || !equalShape(shape, full) {
		return nil, fmt.Errorf("mask of shape %v for scores of %v", t.Shape, full)
	}
	s := stretched(t.Shape, full)
	switch m := t.Data.(type) {
	case []bool:
		return func(b, h, i int, scores []float32) {
			at := b*s[0] + h*s[1] + i*s[2]
			for j := range keys {
				if !m[at+j*s[3]] {
					scores[j] = inf32
				}
			}
			fillWords(scores[keys:], inf32)
		}, nil
	case []float32:
		return func(b, h, i int, scores []float32) {
			at := b*s[0] + h*s[1] + i*s[2]
			for j := range keys {
				scores[j] += m[at+j*s[3]]
			}
			fillWords(scores[keys:], inf32)
		}, nil
	}
	return nil, badType(t)
}

// keepScores makes output at, the scores.
func (a *attention) keepScores(c *Call, at int) error {
	t, err := c.New(at, onnxgraph.Float32, a.batch, a.heads, a.queries, a.keys)
	if err != nil {
		return err
	}
	d := t.Data.([]float32)
	a.scores = func(b, h, i int, scores []float32) {
		copy(d[((b*a.heads+h)*a.queries+i)*a.keys:], scores)
	}
	return nil
}
