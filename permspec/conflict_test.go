package permspec_test

import "testing"

// Channels are shuffled between the two groups of one convolution and the two of
// the next, of other members, and one bias makes these groups the same. Only
// without the shuffle may the images of a batch that comes from weights be
// permuted apart for each group.
func TestShuffledGroups(t *testing.T) {
	const before = `
		x: 1x4
		w = 4x48
		bias = 6
		scale = 6
		mean = 6
		variance = 6
		w1 = 6x3x1x1
		w2 = 6x3x3x3
		out = 48x2
		image = [2,6,2,2]
		row = [1,48]
		short = [1,24]
		start = 24x2
		split = [2,2,3,2,2]
		zero = {0}
		h = MatMul(x, w)
		i = Reshape(h, image)
		c0 = Conv(i, w1) group=2
		c1 = BatchNormalization(c0, scale, bias, mean, variance)
		g = Reshape(c1, split)
		e = Gather(g, zero) axis=1
		ee = Reshape(e, short)
		z = MatMul(ee, start)
		-> y z
		c2 = Conv(s, w2, bias) group=2 pads=[1,1,1,1]
		f = Reshape(c2, row)
		y = MatMul(f, out)`
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"as they are": {before + `
			s = Relu(c1)`,
			map[string]string{"w": "#4 ({A:a|b} A#2 {A:(c #2 #2)|(d #2 #2)})", "out": "({A:a|b} A#2 {A:e|f} #4) #2"}},
		"shuffled": {before + `
			t = Transpose(g) perm=[0,2,1,3,4]
			s = Reshape(t, image)`,
			map[string]string{"w": "#4 (a A#2 {A:b|c} #4)", "out": "(a #2 #12) #2"}},
	} {
		t.Run(name, func(t *testing.T) { net{text: c.text}.holds(t, c.want) })
	}
}
