package solver

import "math"

// The noise of anneal: it starts at hot and is cooled as often.
const (
	hot    = 0.3
	cooled = 8
	cool   = 0.7
)

// anneal shakes the frame's permutations: it matches every unit a few times
// with noise added to its gains, less each time, whatever that does to the
// objective. Climbing from there ends in another optimum, which is a better one
// more often than from a random start, since what is clear stays as it is.
func (c *climb) anneal(order func() []int) error {
	defer func() { c.ws.noise = 0 }()
	for k := range cooled {
		c.ws.noise = hot * math.Pow(cool, float64(k))
		for _, n := range order() {
			if err := c.f.rematch(c.ws, n); err != nil {
				return err
			}
			if c.ws.stopped() {
				return nil
			}
		}
	}
	return nil
}

// rematch replaces a unit's permutations by what is proposed.
func (f *frame) rematch(ws *workspace, n int) error {
	defer ws.forget(f.plan, n)
	next, err := f.propose(ws, n)
	if err == nil {
		f.perms = next
	}
	return err
}

// disturb adds noise to gains: uniform, with ws.noise times the gains' root mean
// square as its standard deviation.
func (ws *workspace) disturb(gains []float64) {
	if ws.noise == 0 {
		return
	}
	sum := 0.0
	for _, g := range gains {
		sum += g * g
	}
	width := ws.noise * math.Sqrt(12*sum/float64(len(gains)))
	for k := range gains {
		gains[k] += width * (ws.rng.Float64() - 0.5)
	}
}
