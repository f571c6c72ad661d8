package permspec_test

import "testing"

// The places MaxPool gives count through all channels; they are read too where
// they only leave a body.
func TestPlacesThatLeaveBody(t *testing.T) {
	const text = `
		x: 1x3x8x8
		c: b:s
		w = 6x3x3x3
		h = Conv(x, w)
		p, i = If(c) then_branch=@pool else_branch=@pool
		f = Cast(i) to=1
		m = Mul(f, p)
		out = 2x6x1x1
		y = Conv(m, out)
		-> y`
	net{text: text, bodies: map[string]string{"pool": "q, j = MaxPool(h) kernel_shape=[2,2] strides=[2,2]\n-> q j"}}.
		holds(t, map[string]string{"w": "", "out": ""})
}

// What a Loop stacks has as many slots as a reshape behind it says.
func TestStackedTurnsReshaped(t *testing.T) {
	const text = `
		x: 2x3
		n = {3}
		w = 3x5
		h = MatMul(x, w)
		last, all = Loop(n, _, h) body=@turn
		tr = Transpose(all) perm=[1,0,2]
		s = [2,15]
		f = Reshape(tr, s)
		out = 15x2
		y = MatMul(f, out)
		-> y`
	const turn = `
		i: i64:s
		c: b:s
		s: 2x5
		c2 = Identity(c)
		u = Tanh(s)
		v = Identity(u)
		-> c2 u v`
	net{text: text, bodies: map[string]string{"turn": turn}}.holds(t, map[string]string{"w": "#3 a", "out": "(#3 a) #2"})
}
