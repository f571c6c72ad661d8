package permspec

import (
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// The names of attention: b batch, t queries, s keys, h heads of keys and
// values, g query heads to each of them, k slots of a query or key, v slots of
// a value, p past, w past and present together.

// held names every axis of input i, all in their order; "~" when left out.
func (c *call) held(i int) string {
	if !c.has(i) || c.rank(i) < 0 {
		return "~"
	}
	return join(hashed(names(fmt.Sprintf("m%d_", i), c.rank(i))))
}

// perBatch names the axes of input i, which has the batch first and keeps the
// order of the others. Where the batch is packed with something else, b is #b:
// the first operand is to call the batch so.
func (c *call) perBatch(i int) (axes, b string) {
	if !c.has(i) {
		return "~", "b"
	}
	d, err := c.dims(i)
	x, err2 := c.dims(0)
	if err != nil || err2 != nil || len(x) == 0 {
		return "~", "#b"
	}
	list := hashed(names(fmt.Sprintf("m%d_", i), len(d)))
	switch {
	case len(d) == 0, len(d) == 1 && one(d[0]) && one(x[0]):
		return join(list), "b"
	case len(d) > 1 && one(d[0]):
		list[0] = "1"
		return join(list), "b"
	case len(d) > 1 || d[0] == x[0]:
		list[0] = "b"
		return join(list), "b"
	}
	return join(list), "#b"
}

// headSizes gives h and g their sizes.
func (c *call) headSizes(query, kv int64) error {
	if query <= 0 || kv <= 0 || query%kv != 0 {
		return fmt.Errorf("it has %d query heads for %d heads of keys", query, kv)
	}
	c.size("h", onnxgraph.Size(kv))
	c.size("g", onnxgraph.Size(query/kv))
	return nil
}

// attention is ai.onnx Attention of opset 23 and 24. Queries are
// [b, heads, t, k], or [b, t, heads·k] when the numbers of heads are attributes.
func attention(c *call) (string, error) {
	rank := c.rank(0)
	t, s := "t", "s"
	cached, window := c.has(4) || c.hasOut(1) || c.hasOut(2), c.hasWindow()
	if cached || window || c.has(6) || c.int("is_causal", 0) != 0 {
		t, s = "#t", "#s"
	}
	whole := s
	if cached {
		whole = "#w"
	}
	shown := whole
	if window {
		shown = "#m"
	}
	mask, err := c.broadcastTo(3, []string{"b", "(h g)", t, shown})
	if err != nil {
		return "", err
	}
	past := fmt.Sprintf("%s, b h #p k, b h #p v, b", mask)
	outs := fmt.Sprintf("b h #w k, b h #w v, b (h g) %s %s", t, whole)
	switch rank {
	case 4:
		q, err := c.dims(0)
		if err != nil {
			return "", err
		}
		kv, err := c.dims(1)
		if err != nil {
			return "", err
		}
		nq, ok1 := q[1].Known()
		nk, ok2 := kv[1].Known()
		if !ok1 || !ok2 {
			return "", fmt.Errorf("its number of heads is not known")
		}
		if err := c.headSizes(nq, nk); err != nil {
			return "", err
		}
		return fmt.Sprintf("b (h g) %s k, b h %s k, b h %s v, %s -> b (h g) %s v, %s", t, s, s, past, t, outs), nil
	case 3:
		if err := c.headSizes(c.int("q_num_heads", 0), c.int("kv_num_heads", 0)); err != nil {
			return "", err
		}
		return fmt.Sprintf("b %s (h g k), b %s (h k), b %s (h v), %s -> b %s (h g v), %s", t, s, s, past, t, outs), nil
	}
	return "", fmt.Errorf("its queries have rank %d", rank)
}

// hasWindow reports a mask shorter than the keys, which the operator pads.
func (c *call) hasWindow() bool {
	m, err := c.dims(3)
	k, err2 := c.dims(1)
	if err != nil || err2 != nil || len(m) == 0 || len(k) < 3 {
		return false
	}
	return m[len(m)-1] != k[len(k)-2] && !one(m[len(m)-1])
}

// rotary turns pairs of slots of a head by an angle, the same for all heads.
func rotary(c *call) (string, error) {
	cache := "b t #e"
	if c.has(3) {
		cache = "#m #e"
	}
	if c.rank(0) == 4 {
		return fmt.Sprintf("b h t #d, %s, %s, b t -> b h t #d, b h t", cache, cache), nil
	}
	if n := c.int("num_heads", 0); n > 0 {
		c.size("h", onnxgraph.Size(n))
		return fmt.Sprintf("b t (h #d), %s, %s, b t -> b t (h #d), b h t", cache, cache), nil
	}
	return "", fmt.Errorf("its number of heads is not known")
}

// rotaryMS is com.microsoft RotaryEmbedding: positions come second.
func rotaryMS(c *call) (string, error) {
	pos, b := c.held(1), "b" // one number: where the sequence begins
	if c.rank(1) != 1 {
		pos, b = c.perBatch(1)
	}
	if c.rank(0) == 4 {
		return fmt.Sprintf("%s h #t #d, %s, #m #e, #m #e -> b h #t #d, b h #t", b, pos), nil
	}
	d, err := c.dims(0)
	if err != nil {
		return "", err
	}
	heads := c.int("num_heads", 0)
	if cos, err := c.dims(2); err == nil && heads == 0 && len(cos) == 2 && len(d) == 3 {
		if hidden, ok := d[2].Known(); ok {
			if half, ok := cos[1].Known(); ok && half > 0 {
				heads = hidden / (2 * half)
			}
		}
	}
	if heads <= 0 {
		return "", fmt.Errorf("its number of heads is not known")
	}
	c.size("h", onnxgraph.Size(heads))
	return fmt.Sprintf("%s #t (h #d), %s, #m #e, #m #e -> b #t (h #d), b h #t", b, pos), nil
}

// packedSizes reads the sizes of q, k and v in a packed weight's last axis.
func (c *call) packedSizes(weight int) error {
	heads := c.int("num_heads", 0)
	w, err := c.dims(weight)
	if err != nil {
		return err
	}
	total, ok := w[len(w)-1].Known()
	sizes := []int64{total / 3, total / 3, total / 3}
	if a, given := c.node.Attrs["qkv_hidden_sizes"]; given && len(a.Ints) == 3 {
		sizes = a.Ints
	}
	if !ok || heads <= 0 || sizes[0] != sizes[1] || sizes[0]%heads != 0 || sizes[2]%heads != 0 || sizes[0]+sizes[1]+sizes[2] != total {
		return fmt.Errorf("its heads do not divide its weight")
	}
	c.size("h", onnxgraph.Size(heads))
	c.size("k", onnxgraph.Size(sizes[0]/heads))
	c.size("v", onnxgraph.Size(sizes[2]/heads))
	return nil
}

// packedNames returns the factors of queries and keys and of values: one name
// when a cache stacks keys and values, in their order when they are rotated.
func (c *call) packedNames(cached bool) (k, v string) {
	k, v = "k", "v"
	if cached {
		v = "k"
	}
	if c.int("do_rotary", 0) != 0 {
		k = "#k"
	}
	return k, v
}

// packedAttention is com.microsoft Attention: one weight [i, q+k+v]. past, bias
// and length are the indices of those inputs.
func packedAttention(past, bias, length int) rule {
	return func(c *call) (string, error) {
		if err := c.packedSizes(1); err != nil {
			return "", err
		}
		k, v := c.packedNames(c.has(past) || c.hasOut(1))
		packed := fmt.Sprintf("(h %s)+(h %s)+(h %s)", k, k, v)
		mask, b := c.perBatch(3)
		added, err := c.broadcastTo(bias, []string{"b", "h", "#t", "#s"})
		return fmt.Sprintf("%s #t i, i %s, %s, %s, #2 b h #p %s, %s, %s -> b #t (h %s), #2 b h #w %s", b, packed, packed, mask,
			k, added, c.held(length), v, k), err
	}
}

// quantisedAttention is com.microsoft QAttention: scales and zero points are
// one number, or one for each column of the weight.
func quantisedAttention(c *call) (string, error) {
	if err := c.packedSizes(1); err != nil {
		return "", err
	}
	k, v := c.packedNames(c.has(8) || c.hasOut(1))
	packed := fmt.Sprintf("(h %s)+(h %s)+(h %s)", k, k, v)
	mask, b := c.perBatch(5)
	return fmt.Sprintf("%s #t i, i %s, %s, %s, %s, %s, %s, %s, #2 b h #p %s -> b #t (h %s), #2 b h #w %s", b, packed, packed,
		c.lane(3, ""), c.lane(4, packed), mask, c.lane(6, ""), c.lane(7, packed), k, v, k), nil
}

// multiHeadAttention is com.microsoft MultiHeadAttention with separate
// queries, keys and values.
func multiHeadAttention(c *call) (string, error) {
	if c.rank(0) != 3 || !c.has(1) || !c.has(2) {
		return "", fmt.Errorf("its queries, keys and values are packed")
	}
	if err := c.headSizes(c.int("num_heads", 0), c.int("num_heads", 0)); err != nil {
		return "", err
	}
	s, k, v := "#s", "b #s (h k)", "b #s (h v)"
	if c.rank(1) == 4 {
		k, v = "b h #s k", "b h #s v"
	}
	if c.has(6) || c.hasOut(1) {
		s = "#w"
	}
	if c.rank(1) == 5 || c.rank(1) != c.rank(2) {
		return "", fmt.Errorf("its keys and values are packed")
	}
	if c.has(9) {
		return "", fmt.Errorf("its cache is shared by beams")
	}
	mask, b := c.perBatch(4)
	added, err := c.broadcastTo(5, []string{"b", "h", "#t", s})
	rest := []string{mask, added, "b h #p k", "b h #p v", c.held(8)}
	bias := "(h k)+(h k)+(h v)"
	if d, err := c.dims(2); err == nil && c.rank(2) == 3 {
		if q, err := c.dims(0); err == nil {
			c.headSlots(q[2], d[2])
		}
	}
	return fmt.Sprintf("%s #t (h k), %s, %s, %s, %s -> b #t (h v), b h #w k, b h #w v, b h #t %s", b, k, v, bias, strings.Join(rest, ", "), s), err
}

// headSlots gives k and v their sizes where the hidden sizes are known.
func (c *call) headSlots(q, v onnxgraph.Dim) {
	if k, ok := q.Div(c.sizes["h"]); ok {
		c.size("k", k)
	}
	if n, ok := v.Div(c.sizes["h"]); ok {
		c.size("v", n)
	}
}

// groupQueryAttention is com.microsoft GroupQueryAttention: packed in the
// queries when keys are left out.
func groupQueryAttention(c *call) (string, error) {
	if err := c.headSizes(c.int("num_heads", 0), c.int("kv_num_heads", 0)); err != nil {
		return "", err
	}
	if c.has(12) || c.has(13) {
		return "", fmt.Errorf("its cache is quantised")
	}
	k := "k"
	if c.int("do_rotary", 0) != 0 {
		k = "#k"
	}
	q, keys, values := fmt.Sprintf(" #t (h g %s)", k), fmt.Sprintf("b #s (h %s)", k), "b #s (h v)"
	if !c.has(1) {
		d, err := c.dims(0)
		if err != nil {
			return "", err
		}
		heads := onnxgraph.Size(c.int("num_heads", 0) + 2*c.int("kv_num_heads", 0))
		slots, ok := d[len(d)-1].Div(heads)
		if !ok {
			return "", fmt.Errorf("its heads do not divide its packed queries")
		}
		c.size("k", slots)
		c.size("v", slots)
		q = fmt.Sprintf(" #t (h g %s)+(h %s)+(h v)", k, k)
		keys, values = "~", "~"
	}
	pos, b := c.perBatch(9)
	added, err := c.broadcastTo(10, []string{"b", "(h g)", "#t", "#w"})
	rest := []string{fmt.Sprintf("b h #p %s", k), "b h #p v", "b", c.held(6), c.held(7), c.held(8), pos, added, "(h g)"}
	return fmt.Sprintf("%s%s, %s, %s, %s -> b #t (h g v), b h #w %s, b h #w v", b, q, keys, values, strings.Join(rest, ", "), k), err
}
