package onnxgraph

import (
	"strings"
	"testing"
)

// The ways exporters compute shapes, and what must come out of them: below the
// line "--", the shape of a value after ":", its elements after "=".
var foldCases = []struct{ name, text string }{
	{"view with a computed target (PyTorch)", `
		x: N t 64
		s = Shape(x)
		n = Gather(s, #0)
		t = Gather(s, #1)
		n1 = Unsqueeze(n, [0])
		t1 = Unsqueeze(t, [0])
		target = Concat(n1, t1, [4 16]) axis=0
		heads = Reshape(x, target)
		turned = Transpose(heads) perm=0,2,1,3
		back = Concat(n1, t1, [-1]) axis=0
		y = Reshape(turned, back)
		--
		target = N t 4 16
		turned: N 4 t 16
		y: N t 64`},
	{"class token expanded to the batch (PyTorch)", `
		x: N 1 28 28
		conv = Conv(x, 64 1 7 7) strides=7,7
		sx = Shape(conv)
		head = Slice(sx, [0], [2], [0])
		flat = Concat(head, [-1]) axis=0
		patches = Reshape(conv, flat)
		tokens = Transpose(patches) perm=0,2,1
		s = Shape(tokens)
		n = Gather(s, #0)
		n1 = Unsqueeze(n, [0])
		want = Concat(n1, [-1 -1]) axis=0
		ones = ConstantOfShape([3]) value=[1]
		minus = Mul(ones, [-1])
		keep = Equal(want, minus)
		target = Where(keep, ones, want)
		class = Expand(1 1 64, target)
		y = Concat(class, tokens) axis=1
		--
		tokens: N 16 64
		keep = 0 1 1
		target = N 1 1
		y: N 17 64`},
	{"paddings of the last axes turned round (PyTorch)", `
		x: N 3 h w
		zeros = ConstantOfShape([4]) value=[0]
		all = Concat([1 2 3 4], zeros) axis=0
		pairs = Reshape(all, [-1 2])
		back = Slice(pairs, [-1], [-9223372036854775807], [0], [-1])
		turned = Transpose(back) perm=1,0
		flat = Reshape(turned, [-1])
		pads = Cast(flat) to=7
		y = Pad(x, pads)
		--
		pairs = 1 2 3 4 0 0 0 0
		pads = 0 0 3 1 0 0 4 2
		y: N 3 (h+7) (w+3)`},
	{"sizes that pass through a Dropout", `
		x: N 3 h w
		training: bool .
		s = Shape(x)
		a = Dropout(s)
		b = Dropout(a, #.5, #0)
		c = Gather(b, #0)
		d = Dropout(s, #.5, #1)
		e = Dropout(s, #.5, training)
		y = Expand(#.5, d)
		z = Expand(#.5, e)
		--
		a = N 3 h w
		c = N
		y: _ _ _ _
		z: _ _ _ _`},
	{"sizes computed in floating point", `
		x: N 3 h w
		s = Shape(x)
		hw = Slice(s, [2], [4], [0])
		f = Cast(hw) to=1
		half = Div(f, #2.)
		floor = Floor(half)
		i = Cast(floor) to=7
		double = Mul(hw, [2])
		scaled = Mul(f, #.5)
		up = Ceil(scaled)
		j = Cast(up) to=7
		nc = Slice(s, [0], [2], [0])
		size = Concat(nc, i) axis=0
		small = Resize(x, -, -, size)
		factors = Div(f, f)
		--
		i = ⌊h/2⌋ ⌊w/2⌋
		j = ⌊(h+1)/2⌋ ⌊(w+1)/2⌋
		double = 2·h 2·w
		small: N 3 ⌊h/2⌋ ⌊w/2⌋`},
	{"padding to a multiple", `
		x: N t 8
		s = Shape(x)
		t = Gather(s, #1)
		r = Mod(t, #4)
		missing = Sub(#4, r)
		more = Mod(missing, #4)
		m1 = Unsqueeze(more, [0])
		pads = Concat([0 0 0 0], m1, [0]) axis=0
		y = Pad(x, pads)
		--
		r = (t-4·⌊t/4⌋)
		y: N 4·⌊(t+3)/4⌋ 8`},
	{"positions and cached keys (GPT-2)", `
		ids: int64 N t
		past: 2 N 2 p 8
		sp = Shape(past)
		p = Gather(sp, #-2)
		st = Shape(ids)
		t = Gather(st, #1)
		end = Add(p, t)
		pos = Range(p, end, #1)
		key = Gather(past, #0) axis=0
		new: N 2 t 8
		keys = Concat(key, new) axis=2
		sk = Shape(keys)
		nk = Gather(sk, #-2)
		start = Sub(nk, t)
		s1 = Unsqueeze(start, [0])
		e1 = Unsqueeze(nk, [0])
		bias = Slice(1 1 1024 1024, s1, e1, [2], [1])
		mask = Slice(bias, [0], e1, [3], [1])
		--
		pos: t
		keys: N 2 (p+t) 8
		start = p
		bias: 1 1 t 1024
		mask: 1 1 t (p+t)`},
	{"comparisons that are decided, and those that are not", `
		x: N 3
		s = Shape(x)
		n = Gather(s, #0)
		below = Less(n, #0)
		above = GreaterOrEqual(n, #0)
		same = Equal(n, n)
		one = Equal(n, #1)
		big = Greater(n, #5)
		least = Max(n, #-1)
		most = Min(n, #5)
		sure = Or(above, big)
		never = And(below, big)
		either = Where(big, n, n)
		--
		below = 0
		above = 1
		same = 1
		one = ?
		big = ?
		least = N
		most = min(5,N)
		sure = 1
		never = 0
		either = N`},
	{"reductions, scatters and searches of small vectors", `
		x: N 3 4
		s = Shape(x)
		n = ReduceProd(s) keepdims=0
		part = Slice(s, [1], [3], [0])
		k = ReduceProd(part, [0])
		sum = ReduceSum(s) keepdims=0
		max = ReduceMax(part) keepdims=0
		none = Slice(s, [3], [3], [0])
		unit = ReduceProd(none) keepdims=0
		which = ArgMax(part)
		size = Size(x)
		places = NonZero([0 5 0 7])
		put = ScatterElements(s, [0], [9])
		put2 = ScatterND(s, [2], [8])
		twice = Tile(part, [2])
		a, b = Split(s, [1 2]) axis=0
		root = Sqrt([16. 2.25])
		power = Pow(part, [2])
		exact = Div(n, #12)
		short = Div(n, #24)
		clipped = Clip(part, #4, #9)
		--
		n = 12·N
		k = 12
		sum = (N+7)
		max = 4
		unit = 1
		which = 1
		size = 12·N
		places: 1 2
		places = 1 3
		put = 9 3 4
		put2 = N 3 8
		twice = 3 4 3 4
		b = 3 4
		power = 9 16
		exact = N
		short = ⌊N/2⌋
		clipped = 4 4`},
	{"a branch that is known, one that is not", `
		x: N 1 8
		s = Shape(x)
		one = Gather(s, #1)
		is = Equal(one, #1)
		cond: bool .
		cut {
		a = Squeeze(x, [1])
		} a
		stay {
		b = Identity(x)
		} b
		wide {
		c = Reshape(x, [0 8 1])
		} c
		y = If(is) then_branch=@cut else_branch=@stay
		z = If(cond) then_branch=@wide else_branch=@stay
		w = If(cond) then_branch=@cut else_branch=@stay
		--
		y: N 8
		z: N _ _
		w: ?`},
	{"an If of which one branch leads to a node that cannot run", `
		x: N 8 T
		cond: bool .
		other: bool .
		cut {
		a = Squeeze(x, [2])
		} a
		stay {
		b = Identity(x)
		} b
		y = If(cond) then_branch=@cut else_branch=@stay
		rank = Shape(y)
		u = Unsqueeze(y, [0])
		h = LSTM(u, 1 16 8, 1 16 4) hidden_size=4
		z = If(cond) then_branch=@cut else_branch=@stay
		q = Gemm(z, 8 5)
		w = If(cond) then_branch=@cut else_branch=@stay // read only where it may not be
		reads {
		c = Gemm(w, 8 5)
		} c
		not {
		d = ConstantOfShape([3 5])
		} d
		r = If(other) then_branch=@reads else_branch=@not
		whole {
		v = If(cond) then_branch=@cut else_branch=@stay
		e = Gemm(v, 8 5)
		} e
		s = If(other) then_branch=@whole else_branch=@not
		--
		y: N 8
		h: 1 1 N 4
		z: N 8
		q: N 5
		w: ?
		v: N 8
		s: _ 5`},
	{"a loop whose state grows", `
		x: N 3
		trips: int64 .
		body {
		i: int64 .
		go: bool .
		v: ?
		u: ?
		v2 = Concat(v, 1 3) axis=0
		u2 = Relu(u)
		row = Gather(u2, #0)
		} go v2 u2 row
		v, u, rows = Loop(#5, -, x, x) body=@body
		a, b, open = Loop(trips, -, x, x) body=@body
		--
		v: _ 3
		u: N 3
		rows: 5 3
		open: _ 3`},
	{"a loop that may end early", `
		x: N 3
		body {
		i: int64 .
		go: bool .
		v: ?
		sum = ReduceSum(v) keepdims=0
		more = Less(sum, #3.)
		} more v v
		v, all = Loop(#5, -, x) body=@body
		--
		v: N 3
		all: _ N 3`},
	{"loops in loops, the innermost of which assumes nothing of its state", `
		x: N 3
		one {
		i: int64 .
		a: bool .
		u: ?
		two {
		j: int64 .
		b: bool .
		v: ?
		three {
		k: int64 .
		c: bool .
		w: ?
		w2 = Concat(w, w) axis=0
		} c w2
		v2 = Loop(#2, -, v) body=@three
		v3 = Reshape(v2, [-1 3])
		} b v3
		u2 = Loop(#2, -, u) body=@two
		} a u2
		y = Loop(#2, -, x) body=@one
		z = Relu(x)
		--
		v2: ?
		v3: _ 3
		y: _ 3
		z: N 3`},
	{"a scan over time", `
		h: N 8
		x: N t 3
		body {
		state: ?
		slab: ?
		both = Concat(state, slab) axis=1
		next = MatMul(both, 11 8)
		out = MatMul(next, 8 5)
		} next out
		last, ys = Scan(h, x) body=@body num_scan_inputs=1 scan_input_axes=1, scan_output_axes=-1,
		--
		last: N 8
		ys: N 5 t`},
	{"a scan of opset 8, with a batch axis in front", `
		h: N 8
		x: N t 3
		body {
		state: ?
		slab: ?
		both = Concat(state, slab) axis=0
		next = MatMul(both, 11 8)
		} next next
		last, ys = Scan:8(-, h, x) body=@body num_scan_inputs=1
		--
		last: N 8
		ys: N t 8`},
}

// What exporters compute from shapes is followed to the end.
func TestFoldedShapes(t *testing.T) {
	for _, c := range foldCases {
		program, checks, _ := strings.Cut(c.text, "--")
		g := parseGraph(t, program)
		s := g.infer()
		for line := range strings.Lines(checks) {
			line = strings.TrimSpace(line)
			name, want, isShape := strings.Cut(line, ": ")
			if !isShape {
				name, want, _ = strings.Cut(line, " = ")
			}
			v := g.values[name]
			if line == "" {
				continue
			}
			got := shapeText(s, v)
			if !isShape {
				got = intsText(s, v)
			}
			if got != want {
				t.Errorf("%s: %s is %s, want %s", c.name, name, got, want)
			}
		}
	}
}

// intsText returns the elements of v as text, ? when they are not known.
func intsText(s *ShapeInfo, v *Value) string {
	ints, ok := s.Ints(v)
	if !ok {
		return "?"
	}
	var text []string
	for _, d := range ints {
		text = append(text, d.String())
	}
	return strings.Join(text, " ")
}
