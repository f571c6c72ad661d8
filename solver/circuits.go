package solver

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
)

// The two weights through which alone the units of a head act, as those of queries and keys, or of values and the
// output, do so by their product, the circuit, which any turn of the units within the head leaves as it is. So heads
// can be told by circuits that their units, one by one, do not tell: see climb.circuits.

// circuit returns the two sites of an inner group that have something of the model's other axes beside them: biases
// have not. It reports whether there are just two.
func (p *plan) circuit(in *inner) (pair []site, ok bool) {
	for _, s := range in.sites {
		n := 1
		for _, d := range s.rest {
			n *= p.boxes[s.box].digits[d].size
		}
		if n > 1 {
			pair = append(pair, s)
		}
	}
	return pair, len(pair) == 2
}

// circuitUnits lists the units whose slots have circuits.
func (p *plan) circuitUnits() []int {
	var out []int
	for n, u := range p.units {
		has := func(in inner) bool { _, ok := p.circuit(&in); return ok }
		if len(u.joint) == 0 && slices.ContainsFunc(u.inner, has) {
			out = append(out, n)
		}
	}
	return out
}

// circuits matches heads by their circuits, and the units within them by weights, whatever that does to the
// objective. It is where a start begins.
func (c *climb) circuits() error {
	c.ws.circuits = true
	defer func() { c.ws.circuits = false }()
	for _, n := range c.f.plan.circuitUnits() {
		if c.ws.stopped() {
			break
		}
		if err := c.f.rematch(c.ws, n); err != nil {
			return err
		}
	}
	return c.reset()
}

// byCircuits replaces the gains of a unit's slots by those of their circuits: with C = W₁ᵀ·W₂, over the units of a head,
//
//	<C_i of A, C_j of B> = Σ over units p, q of <W₁[i, p], W₁[j, q]>·<W₂[i, p], W₂[j, q]>.
//
// What has no circuit counts as it is; each of the parts is scaled to a root mean square of one.
func (f *frame) byCircuits(ws *workspace, n, o int, env []int32, value Matrix[float32]) error {
	u := &f.plan.units[n]
	value.normalize()
	for k := range u.inner {
		part := Matrix[float32]{value.Rows, value.Cols, value.Cols, make([]float32, value.Rows*value.Cols)}
		in := &u.inner[k]
		if f.scalar(in) {
			f.scalarGains(ws, u, in, env, part)
		} else {
			worth := f.inner(ws, n, o, k, env) // also what the units within are matched by
			if pair, ok := f.plan.circuit(in); ok {
				f.circuitGains(ws, u, in, pair, env, part)
			} else if err := worth.add(ws.threads, part); err != nil {
				return err
			}
		}
		part.normalize()
		for i := range value.Rows {
			for j, v := range part.Row(i) {
				value.Row(i)[j] += v
			}
		}
	}
	return nil
}

func (f *frame) circuitGains(ws *workspace, u *unit, in *inner, pair []site, env []int32, part Matrix[float32]) {
	small := f.plan.size[in.group]
	f.plan.each(f.plan.extra(in.group, u.group, env), env, func(int) error {
		var g [2]*gains
		for k := range g {
			g[k] = newGains(part.Rows*small, 1)
			g[k].compute(f, pair[k:k+1], env, ws)
		}
		parallel.For(ws.threads, part.Rows, func(i int) {
			for p := range small {
				x, y := g[0].Row(i*small+p), g[1].Row(i*small+p)
				for j := range part.Cols {
					for q := j * small; q < (j+1)*small; q++ {
						part.Row(i)[j] += x[q] * y[q]
					}
				}
			}
		})
		return nil
	})
}

// normalize scales a matrix to a root mean square of one, if it is not zero.
func (m Matrix[G]) normalize() {
	sum := 0.0
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			sum += float64(v) * float64(v)
		}
	}
	if sum == 0 {
		return
	}
	scale := math.Sqrt(float64(m.Rows*m.Cols) / sum)
	for i := range m.Rows {
		row := m.Row(i)
		for j := range row {
			row[j] *= G(scale)
		}
	}
}
