package solver

import "math"

// The noise of a shake is between these, relative to the gains.
const (
	leastNoise = 0.2
	mostNoise  = 1.2
)

// shake moves the frame's permutations out of an optimum: it matches some units,
// up to half of them, drawn at random, with noise added to their gains, whatever
// that does to the objective. Climbing from there ends in another optimum, which is
// a better one more often than from a random start, since most stays as it is.
func (c *climb) shake(order func() []int) error {
	defer func() { c.ws.noise = 0 }()
	c.ws.noise = leastNoise * math.Pow(mostNoise/leastNoise, c.ws.rng.Float64())
	c.stale = make([]bool, len(c.f.plan.units))
	some := order()
	for _, n := range some[:min(len(some), 1+c.ws.rng.IntN(1+len(some)/2))] {
		if c.ws.stopped() {
			break
		}
		if err := c.f.rematch(c.ws, n); err != nil {
			return err
		}
		c.stale[n] = true
		for _, m := range c.f.plan.units[n].near {
			c.stale[m] = true
		}
	}
	var err error
	c.value, err = c.f.objective()
	return err
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
func (ws *workspace) disturb(gains Matrix[float32]) {
	if ws.noise == 0 {
		return
	}
	sum := 0.0
	for i := range gains.Rows {
		for _, g := range gains.Row(i) {
			sum += float64(g) * float64(g)
		}
	}
	width := ws.noise * math.Sqrt(12*sum/float64(gains.Rows*gains.Cols))
	for i := range gains.Rows {
		row := gains.Row(i)
		for j := range row {
			row[j] += float32(width * (ws.rng.Float64() - 0.5))
		}
	}
}
