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
