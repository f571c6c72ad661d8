package grad

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// recurring is the table of the recurrent layers.
var recurring = rules{"LSTM": recurrentRule, "GRU": recurrentRule, "RNN": recurrentRule}

// activation is a function that gates may have, with its derivative by what it
// gives.
type activation struct{ f, slope func(float64) float64 }

var activations = map[string]activation{
	"Sigmoid": {sigmoid, func(y float64) float64 { return y * (1 - y) }},
	"Tanh":    {math.Tanh, func(y float64) float64 { return 1 - y*y }},
	"Relu":    {func(x float64) float64 { return max(x, 0) }, step},
}

// recurrent is one call of a recurrent layer: sizes, where things lie, and what
// all directions share.
type recurrent struct {
	*Call
	gates, steps, batch, in, hidden, ways int
	batchFirst, linear                    bool
	lens                                  []int        // steps of each example
	acts                                  []activation // of the direction under way
}

// recurrentRule goes back through time, one direction after the other.
func recurrentRule(c *Call) error {
	r, err := c.recurrent()
	if err != nil {
		return err
	}
	ways := map[string][]bool{"forward": {false}, "reverse": {true}, "bidirectional": {false, true}}[c.Node.String("direction", "forward")]
	usual := map[string][]string{"LSTM": {"Sigmoid", "Tanh", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "RNN": {"Tanh"}}[c.Node.Op]
	names := c.Node.Strings("activations")
	for way, reverse := range ways {
		if len(names) >= (way+1)*len(usual) {
			usual = names[way*len(usual):][:len(usual)]
		}
		r.acts = r.acts[:0]
		for _, name := range usual {
			a, ok := activations[name]
			if !ok {
				return fmt.Errorf("activation %s has no gradient", name)
			}
			r.acts = append(r.acts, a)
		}
		newUnrolled(r, way, reverse).run()
	}
	return nil
}

// recurrent reads the sizes and refuses what has no gradient here.
func (c *Call) recurrent() (*recurrent, error) {
	x, hidden := c.In[0].Shape, c.In[2].Shape[2]
	r := &recurrent{Call: c, gates: map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[c.Node.Op],
		steps: x[0], batch: x[1], in: x[2], hidden: hidden, ways: c.In[2].Shape[0],
		batchFirst: c.Node.Flag("layout"), linear: c.Node.Flag("linear_before_reset")}
	if r.batchFirst {
		r.steps, r.batch = x[1], x[0]
	}
	switch {
	case c.Node.Float("clip", 0) > 0:
		return nil, fmt.Errorf("attribute clip has no gradient")
	case c.Node.Flag("input_forget"):
		return nil, fmt.Errorf("attribute input_forget has no gradient")
	case c.has(7):
		return nil, fmt.Errorf("peepholes have no gradient")
	}
	r.lens = slices.Repeat([]int{r.steps}, r.batch)
	if c.has(4) {
		for b, n := range c.x(4) {
			r.lens[b] = int(n)
		}
	}
	return r, nil
}

// row is the row of step t of example b in X and, without directions, in Y.
func (r *recurrent) row(t, b int) int {
	if r.batchFirst {
		return b*r.steps + t
	}
	return t*r.batch + b
}

// outAt is where step t of example b begins in Y, stateAt in a state.
func (r *recurrent) outAt(t, b, way int) int {
	if r.batchFirst {
		return ((b*r.steps+t)*r.ways + way) * r.hidden
	}
	return ((t*r.ways+way)*r.batch + b) * r.hidden
}

func (r *recurrent) stateAt(b, way int) int {
	if r.batchFirst {
		return (b*r.ways + way) * r.hidden
	}
	return (way*r.batch + b) * r.hidden
}

// unrolled is one direction, computed anew with all that its gradient needs.
// Matrices have a row for each step and example, as X has.
type unrolled struct {
	*recurrent
	way     int
	reverse bool
	w, r    []float32 // gates·hidden by in, and by hidden
	width   int       // gates·hidden

	gate    []float32 // what the gates give, width
	before  []float32 // h before the step, hidden
	reset   []float32 // what R of a GRU's last gate is multiplied with: r·h, or h
	linearR []float32 // a GRU's R_h·h + b, if it resets after the product
	c, c0   []float32 // an LSTM's cell after the step and before it

	dGate, dBack []float32 // gradients by the sums of the gates: the input's part, the state's part
}

func newUnrolled(r *recurrent, way int, reverse bool) *unrolled {
	width := r.gates * r.hidden
	u := &unrolled{recurrent: r, way: way, reverse: reverse, width: width,
		w: r.x(1)[way*width*r.in:][:width*r.in], r: r.x(2)[way*width*r.hidden:][:width*r.hidden]}
	rows := r.steps * r.batch
	u.gate, u.before, u.reset = make([]float32, rows*width), make([]float32, rows*r.hidden), make([]float32, rows*r.hidden)
	u.c, u.c0, u.linearR = make([]float32, rows*r.hidden), make([]float32, rows*r.hidden), make([]float32, rows*r.hidden)
	u.dGate = make([]float32, rows*width)
	u.dBack = u.dGate
	if r.Node.Op == "GRU" {
		u.dBack = make([]float32, rows*width)
	}
	return u
}

// run computes forth and back, and adds the gradients by the weights.
func (u *unrolled) run() {
	u.forth()
	u.back()
	rows, h := u.steps*u.batch, u.hidden
	part := func(i, n int) []float32 {
		if !u.wants(i) {
			return nil
		}
		return u.Down[i][u.way*n:][:n]
	}
	// X·Wᵀ, with both stored row by row.
	back(u.Threads, 1, rows, u.width, u.in, u.x(0), false, u.w, true, u.dGate, u.Down[0], part(1, u.width*u.in))
	if dr := part(2, u.width*h); dr != nil {
		u.byState(dr)
	}
	if db := part(3, 2*u.width); db != nil {
		for k, d := range [][]float32{u.dGate, u.dBack} {
			gather(db[k*u.width:][:u.width], []int{u.width}, d, []int{rows, u.width})
		}
	}
}

// byState adds the gradient by R: gates of h, but for the last of a GRU.
func (u *unrolled) byState(dr []float32) {
	rows, h, plain := u.steps*u.batch, u.hidden, u.width
	if u.Node.Op == "GRU" {
		plain = 2 * h
		dy := f32.View{Data: u.dBack[plain:], Rows: f32.Steps(h, 1), Cols: f32.Steps(rows, u.width)}
		addProduct(u.Threads, 1, dy, f32.Dense(u.reset, rows, h, h), dr[plain*h:], false)
	}
	dy := f32.View{Data: u.dBack, Rows: f32.Steps(plain, 1), Cols: f32.Steps(rows, u.width)}
	addProduct(u.Threads, 1, dy, f32.Dense(u.before, rows, h, h), dr, false)
}

// at returns the time of a step of the walk along example b; false when the
// example has no more steps.
func (u *unrolled) at(step, b int) (int, bool) {
	if u.reverse {
		return u.lens[b] - 1 - step, step < u.lens[b]
	}
	return step, step < u.lens[b]
}

// forth computes the gates and states of every step.
func (u *unrolled) forth() {
	rows, h := u.steps*u.batch, u.hidden
	bias := make([]float32, 2*u.width)
	if u.has(3) {
		copy(bias, u.x(3)[u.way*2*u.width:])
	}
	wb, rb := bias[:u.width], bias[u.width:]
	f32.Product(u.Threads, 1, f32.Dense(u.x(0), rows, u.in, u.in), matrix(u.w, u.in, u.width, true), 0, u.gate, u.width, f32.Epilogue{ColBias: wb})
	state, cell := make([]float32, u.batch*h), make([]float32, u.batch*h)
	for i, s := range [][]float32{state, cell} {
		if u.has(5 + i) {
			for b := range u.batch {
				copy(s[b*h:][:h], u.x(5 + i)[u.stateAt(b, u.way):])
			}
		}
	}
	sums := make([]float32, u.batch*u.width)
	for step := range u.steps {
		f32.Product(u.Threads, 1, f32.Dense(state, u.batch, h, h), matrix(u.r, h, u.width, true), 0, sums, u.width, f32.Epilogue{ColBias: rb})
		for b := range u.batch {
			t, ok := u.at(step, b)
			if !ok {
				continue
			}
			row := u.row(t, b)
			copy(u.before[row*h:][:h], state[b*h:])
			u.cell(row, sums[b*u.width:][:u.width], rb, state[b*h:][:h], cell[b*h:][:h])
		}
	}
}

// cell computes one step of one example: gates to u.gate, and the states.
func (u *unrolled) cell(row int, sums, rb, state, cell []float32) {
	h, g := u.hidden, u.gate[row*u.width:][:u.width]
	f := func(k int, x float32) float32 { return float32(u.acts[k].f(float64(x))) }
	switch u.Node.Op {
	case "RNN":
		for i := range h {
			g[i] = f(0, g[i]+sums[i])
			state[i] = g[i]
		}
	case "LSTM": // i, o, f, c
		copy(u.c0[row*h:][:h], cell)
		for i := range h {
			in, out, forget, fresh := &g[i], &g[h+i], &g[2*h+i], &g[3*h+i]
			*in, *out, *forget = f(0, *in+sums[i]), f(0, *out+sums[h+i]), f(0, *forget+sums[2*h+i])
			*fresh = f(1, *fresh+sums[3*h+i])
			cell[i] = *forget*cell[i] + *in**fresh
			state[i] = *out * f(2, cell[i])
		}
		copy(u.c[row*h:][:h], cell)
	default: // GRU: z, r, h
		for i := range 2 * h {
			g[i] = f(0, g[i]+sums[i])
		}
		last, reset := u.linearR[row*h:][:h], u.reset[row*h:][:h]
		if u.linear {
			copy(last, sums[2*h:])
			copy(reset, state)
			for i := range h {
				g[2*h+i] += g[h+i] * last[i]
			}
		} else {
			f32.Mul(reset, g[h:2*h], state)
			f32.Product(1, 1, f32.Dense(reset, 1, h, h), matrix(u.r[2*h*h:], h, h, true), 1, g[2*h:], h, f32.Epilogue{ColBias: rb[2*h:]})
		}
		for i := range h {
			g[2*h+i] = f(1, g[2*h+i])
			state[i] = (1-g[i])*g[2*h+i] + g[i]*state[i]
		}
	}
}

// back takes the gradients by the outputs to those by the sums of the gates, from
// the last step to the first.
func (u *unrolled) back() {
	h := u.hidden
	dh, dc := make([]float32, u.batch*h), make([]float32, u.batch*h)
	up := func(i int) []float32 {
		if i < len(u.Up) {
			return u.Up[i]
		}
		return nil
	}
	for b := range u.batch {
		for i, d := range [][]float32{dh, dc} {
			if s := up(1 + i); s != nil {
				copy(d[b*h:][:h], s[u.stateAt(b, u.way):])
			}
		}
	}
	before, back := make([]float32, u.batch*h), make([]float32, u.batch*u.width)
	for step := u.steps - 1; step >= 0; step-- {
		clear(back)
		copy(before, dh)
		for b := range u.batch {
			t, ok := u.at(step, b)
			if !ok {
				continue
			}
			d := dh[b*h:][:h]
			if y := up(0); y != nil {
				addTo(d, y[u.outAt(t, b, u.way):][:h])
			}
			row := u.row(t, b)
			u.cellBack(row, d, dc[b*h:][:h], before[b*h:][:h])
			copy(back[b*u.width:][:u.width], u.dBack[row*u.width:])
		}
		copy(dh, before)
		plain := u.width
		if u.Node.Op == "GRU" && !u.linear {
			plain = 2 * h // the last gate's part is in before
		}
		dy := f32.Dense(back, u.batch, plain, u.width)
		f32.Product(u.Threads, 1, dy, f32.Dense(u.r, plain, h, h), 1, dh, h, f32.Epilogue{})
	}
	for b := range u.batch {
		for i, d := range [][]float32{dh, dc} {
			if u.wants(5 + i) {
				addTo(u.Down[5+i][u.stateAt(b, u.way):][:h], d[b*h:][:h])
			}
		}
	}
}

// cellBack takes one step of one example back: dh, by the state after the step,
// to the gradients by the gates' sums and, but for what goes through R, before, by
// the state before it; dc, by the cell, is taken from after to before.
func (u *unrolled) cellBack(row int, dh, dc, before []float32) {
	h, g, d := u.hidden, u.gate[row*u.width:][:u.width], u.dGate[row*u.width:][:u.width]
	slope := func(k int, y float32) float32 { return float32(u.acts[k].slope(float64(y))) }
	clear(before)
	switch u.Node.Op {
	case "RNN":
		for i, v := range dh {
			d[i] = v * slope(0, g[i])
		}
	case "LSTM":
		for i, v := range dh {
			in, out, forget, fresh := g[i], g[h+i], g[2*h+i], g[3*h+i]
			c := float32(u.acts[2].f(float64(u.c[row*h+i])))
			e := dc[i] + v*out*slope(2, c)
			d[i] = e * fresh * slope(0, in)
			d[h+i] = v * c * slope(0, out)
			d[2*h+i] = e * u.c0[row*h+i] * slope(0, forget)
			d[3*h+i] = e * in * slope(1, fresh)
			dc[i] = e * forget
		}
	default:
		u.gruBack(row, g, d, dh, before)
	}
}

// gruBack is cellBack of a GRU.
func (u *unrolled) gruBack(row int, g, d, dh, before []float32) {
	h, s, q := u.hidden, u.before[row*u.hidden:], u.dBack[row*u.width:][:u.width]
	slope := func(k int, y float32) float32 { return float32(u.acts[k].slope(float64(y))) }
	for i, v := range dh {
		z, fresh := g[i], g[2*h+i]
		d[i] = v * (s[i] - fresh) * slope(0, z)
		d[2*h+i] = v * (1 - z) * slope(1, fresh)
		before[i] = v * z
	}
	byReset := make([]float32, h) // the gradient by r
	if u.linear {
		for i := range h {
			byReset[i] = d[2*h+i] * u.linearR[row*h+i]
			q[2*h+i] = d[2*h+i] * g[h+i]
		}
	} else {
		copy(q[2*h:], d[2*h:])
		through := make([]float32, h) // by r·h
		f32.Product(1, 1, f32.Dense(d[2*h:], 1, h, h), f32.Dense(u.r[2*h*h:], h, h, h), 0, through, h, f32.Epilogue{})
		for i, v := range through {
			byReset[i] = v * s[i]
			before[i] += v * g[h+i]
		}
	}
	for i := range h {
		d[h+i] = byReset[i] * slope(0, g[h+i])
	}
	copy(q[:2*h], d[:2*h])
}
