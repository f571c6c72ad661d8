package permspec_test

import "testing"

// Gains of one size turn nothing; points of a circle do, and are frozen.
func TestAngles(t *testing.T) {
	const text = `
		h = MatMul(x, w)
		r = Relu(h)
		m = Mul(r, g)
		y = MatMul(m, out)
		w = 3x8
		out = 8x2
		x: 2x3
		-> y
		g = `
	for name, c := range map[string]struct{ gains, layout string }{
		"signs": {"[1.0,-1,1,1,-1,1,-1,-1]", "a"},
		"mask":  {"[1.0,1,1,1,0,0,0,0]", "a"},
		"turns": {"[1.0,0.8,0.6,0,0,0.6,0.8,1]", ""},
	} {
		t.Run(name, func(t *testing.T) { net{text: text + c.gains}.holds(t, map[string]string{"g": c.layout}) })
	}
}
