package permspec_test

import "testing"

// An axis that a Reshape lays open for others to cut is as many things as it has
// parts, and what stands beside it may differ by the part, unless somebody reads
// it whole.
func TestOpenedAxes(t *testing.T) {
	// Two groups of two queries, a key and a value, of five slots each.
	const packed = `
		x: 1x3x4
		w = 4x40
		h = MatMul(x, w)
		shape = [1,3,2,4,5]
		o = Reshape(h, shape)
		out = 20x2
		rows = [1,3,20]
		y = MatMul(flat, out)
		-> y
		from = [0]
		to = [2]
		on = [3]
		q = Slice(o, from, to, on)
		minus = {-1}`
	const weighed = `
		twice = [1,3,2,2,5]
		kk = Expand(k, twice)
		vv = Expand(v, twice)
		s = Mul(q, kk)
		a = ReduceSum(s, last) keepdims=1
		last = [4]
		m = Mul(a, vv)
		flat = Reshape(m, rows)`
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"cut by number": {packed + weighed + `
			two = {2}
			k1 = Gather(o, two) axis=3
			v1 = Gather(o, minus) axis=3
			k = Unsqueeze(k1, on)
			v = Unsqueeze(v1, on)`,
			map[string]string{"w": "#4 (a ((b c)+c+d))", "out": "(a b d) #2"}},
		"turned and cut": {packed + weighed + `
			t = Transpose(o) perm=[3,0,1,2,4]
			two = [2]:1x1
			three = [3]:1x1
			k1 = GatherND(t, two)
			v1 = GatherND(t, three)
			k = Transpose(k1) perm=[1,2,3,0,4]
			v = Transpose(v1) perm=[1,2,3,0,4]`,
			map[string]string{"w": "#4 (a ((b c)+c+d))", "out": "(a b d) #2"}},
		"split": {packed + weighed + `
			sizes = [2,1,1]
			r, k, v = Split(o, sizes) axis=3`,
			map[string]string{"w": "#4 (a ((b c)+c+d))", "out": "(a b d) #2"}},
		"read whole": {packed + weighed + `
			z = Relu(o)
			all = [1,3,40]
			back = Reshape(z, all)
			last2 = 40x2
			y2 = MatMul(back, last2)
			two = {2}
			k1 = Gather(o, two) axis=3
			v1 = Gather(o, minus) axis=3
			k = Unsqueeze(k1, on)
			v = Unsqueeze(v1, on)
			-> y2`,
			map[string]string{"w": "#4 (a (b+#2) c)", "out": "(a b c) #2"}},
		"parts that overlap": {packed + `
			one = [1]
			three = [3]
			p = Slice(o, one, three, on)
			m = Mul(q, p)
			flat = Reshape(m, rows)`,
			map[string]string{"w": "#4 (a #4 b)", "out": "(a #2 b) #2"}},
		"two axes": {packed + `
			four = {4}
			p = Gather(o, four) axis=4
			u = Slice(p, from, to, on)
			last = [4]
			u1 = Unsqueeze(u, last)
			m = Mul(q, u1)
			flat = Reshape(m, rows)`,
			map[string]string{"w": "#4 (a (b+{A:c|d|e|f|g}) A#5)", "out": "(a b #5) #2"}},
	} {
		t.Run(name, func(t *testing.T) { net{text: c.text}.holds(t, c.want) })
	}
}
