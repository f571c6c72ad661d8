package kernel

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// recurring is the table of the recurrent layers.
var recurring = ops{
	"LSTM": compute(prepareRecurrent),
	"GRU":  compute(prepareRecurrent),
	"RNN":  compute(prepareRecurrent),
}

// recurrent is a prepared LSTM, GRU or RNN.
type recurrent struct {
	op         string
	gates      int
	batchFirst bool
	linear     bool // GRU: linear_before_reset
	coupled    bool // LSTM: input_forget
	clip       float32
	coarse     bool // inputs and states pass through 8 bits on their way to the products
	directions []*direction
}

// direction is one walk along the sequence, with its own weights.
type direction struct {
	reverse bool
	acts    []func(d, x []float32)
	weights *recurrentWeights // nil if they are not constant
}

// recurrentWeights are the weights of one direction. The product of the state
// and r gives the recurrent part of the gates; a GRU that resets before the
// product multiplies its last gate by itself, with last.
type recurrentWeights struct {
	w, r, last *f32.Packed
	wb, rb     []float32 // biases, nil if there are none
	peep       []float32 // LSTM: peepholes i, o, f
}

func prepareRecurrent(n *Node) (Kernel, error) {
	g, err := newRecurrent(n)
	if err != nil {
		return nil, err
	}
	return g.run, nil
}

func newRecurrent(n *Node) (*recurrent, error) {
	g := &recurrent{op: n.Op, gates: map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[n.Op],
		batchFirst: n.Flag("layout"), linear: n.Flag("linear_before_reset"), coupled: n.Flag("input_forget"),
		clip: n.Float("clip", 0)}
	ways := map[string][]bool{"forward": {false}, "reverse": {true}, "bidirectional": {false, true}}[n.String("direction", "forward")]
	if ways == nil {
		return nil, fmt.Errorf("direction %q", n.String("direction", ""))
	}
	acts, err := g.activations(n, len(ways))
	if err != nil {
		return nil, err
	}
	per := len(acts) / len(ways)
	for i, reverse := range ways {
		d := &direction{reverse: reverse, acts: acts[i*per : (i+1)*per]}
		if n.Constant(1) != nil && n.Constant(2) != nil && constantOrLeftOut(n, 3) && constantOrLeftOut(n, 7) {
			if d.weights, err = g.weights(i, len(ways), n.Constant(1), n.Constant(2), n.Constant(3), n.Constant(7)); err != nil {
				return nil, err
			}
		}
		g.directions = append(g.directions, d)
	}
	return g, nil
}

func constantOrLeftOut(n *Node, i int) bool { return !n.Has(i) || n.Constant(i) != nil }

// activations returns the activation functions of all directions.
func (g *recurrent) activations(n *Node, ways int) ([]func(d, x []float32), error) {
	usual := map[string][]string{"LSTM": {"Sigmoid", "Tanh", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "RNN": {"Tanh"}}[g.op]
	names := n.Strings("activations")
	if len(names) == 0 {
		for range ways {
			names = append(names, usual...)
		}
	}
	if len(names) != ways*len(usual) {
		return nil, fmt.Errorf("%d activations, want %d", len(names), ways*len(usual))
	}
	params := map[string][]float32{"alpha": n.Floats("activation_alpha"), "beta": n.Floats("activation_beta")}
	var out []func(d, x []float32)
	for _, name := range names {
		row, err := rowFor(&Node{Op: name, Attrs: takeParams(name, params)})
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// weights packs one direction's weights.
func (g *recurrent) weights(i, ways int, w, r, b, p *Tensor) (*recurrentWeights, error) {
	if len(w.Shape) != 3 || len(r.Shape) != 3 || w.Shape[0] != ways || r.Shape[0] != ways ||
		r.Shape[1] != g.gates*r.Shape[2] || w.Shape[1] != r.Shape[1] {
		return nil, fmt.Errorf("weights of shapes %v and %v for %d directions", w.Shape, r.Shape, ways)
	}
	wv, ok1 := w.Data.([]float32)
	rv, ok2 := r.Data.([]float32)
	if !ok1 || !ok2 {
		return nil, badType(w)
	}
	rows, in, hidden := w.Shape[1], w.Shape[2], r.Shape[2]
	wv, rv = wv[i*rows*in:][:rows*in], rv[i*rows*hidden:][:rows*hidden]
	out := &recurrentWeights{w: f32.PackB(true, in, rows, wv, max(1, in))}
	if g.op == "GRU" && !g.linear {
		rows = 2 * hidden
		out.last = f32.PackB(true, hidden, hidden, rv[rows*hidden:], max(1, hidden))
	}
	out.r = f32.PackB(true, hidden, rows, rv, max(1, hidden))
	rows = g.gates * hidden
	if b != nil {
		bv, ok := b.Data.([]float32)
		if !ok || len(bv) != ways*2*rows {
			return nil, fmt.Errorf("bias of shape %v for %d gates of %d", b.Shape, g.gates, hidden)
		}
		out.wb, out.rb = bv[2*i*rows:][:rows], bv[(2*i+1)*rows:][:rows]
	}
	if p != nil {
		pv, ok := p.Data.([]float32)
		if !ok || len(pv) != ways*3*hidden {
			return nil, fmt.Errorf("peepholes of shape %v for states of %d", p.Shape, hidden)
		}
		out.peep = pv[3*i*hidden:][:3*hidden]
	}
	return out, nil
}

// sequence is one call's sizes, and where things lie.
type sequence struct {
	steps, batch, in, hidden, ways int
	batchFirst                     bool
	lens                           []int // by example
	y                              []float32
}

// row is the row of step t of example b, in X and in Y without directions.
func (s *sequence) row(t, b int) int {
	if s.batchFirst {
		return b*s.steps + t
	}
	return t*s.batch + b
}

// out is step t of example b in Y, which has the directions after the steps
// and, if the batch does not come first, before the batch.
func (s *sequence) out(t, b, way int) []float32 {
	at := (t*s.ways+way)*s.batch + b
	if s.batchFirst {
		at = (b*s.steps+t)*s.ways + way
	}
	return s.y[at*s.hidden:][:s.hidden]
}

// state is example b of a state tensor.
func (s *sequence) state(t []float32, b, way int) []float32 {
	at := way*s.batch + b
	if s.batchFirst {
		at = b*s.ways + way
	}
	return t[at*s.hidden:][:s.hidden]
}

func (g *recurrent) run(c *Call) error {
	x, ok := c.In[0].Data.([]float32)
	if !ok || len(c.In[0].Shape) != 3 || len(c.In[2].Shape) != 3 {
		return fmt.Errorf("input of shape %v and type %v, want float32 steps of examples", c.In[0].Shape, c.In[0].Type)
	}
	shape := c.In[0].Shape
	s := &sequence{steps: shape[0], batch: shape[1], in: shape[2], hidden: c.In[2].Shape[2], ways: len(g.directions), batchFirst: g.batchFirst}
	yShape := []int{s.steps, s.ways, s.batch, s.hidden}
	stateShape := []int{s.ways, s.batch, s.hidden}
	if g.batchFirst {
		s.steps, s.batch = shape[1], shape[0]
		yShape = []int{s.batch, s.steps, s.ways, s.hidden}
		stateShape = []int{s.batch, s.ways, s.hidden}
	}
	if err := s.lengths(c.Input(4)); err != nil {
		return err
	}
	y, err := c.Zeros(0, 1, yShape...)
	if err != nil {
		return err
	}
	s.y = y.Data.([]float32)
	var states [2][]float32 // h, c
	for i := range states[:min(2, 1+g.gates/4)] {
		t, err := c.Zeros(1+i, 1, stateShape...)
		if err != nil {
			return err
		}
		states[i] = t.Data.([]float32)
		if first := c.Input(5 + i); first != nil {
			v, ok := first.Data.([]float32)
			if !ok || len(v) != len(states[i]) {
				return fmt.Errorf("initial state of shape %v, want %v", first.Shape, stateShape)
			}
			copy(states[i], v)
		}
	}
	for way, d := range g.directions {
		w := d.weights
		if w == nil {
			if w, err = g.weights(way, s.ways, c.In[1], c.In[2], c.Input(3), c.Input(7)); err != nil {
				return err
			}
		}
		if k, _ := w.w.Size(); k != s.in {
			return fmt.Errorf("weights for inputs of %d, got %d", k, s.in)
		}
		g.walk(c, s, way, d, w, x, states)
	}
	return nil
}

// lengths sets the number of steps of each example.
func (s *sequence) lengths(t *Tensor) error {
	s.lens = filled(nil, s.batch, s.steps)
	if t == nil {
		return nil
	}
	lens, err := ints(t)
	if err != nil {
		return err
	}
	if len(lens) != s.batch {
		return fmt.Errorf("%d sequence lengths for %d examples", len(lens), s.batch)
	}
	for _, n := range lens {
		if n < 0 || n > s.steps {
			return fmt.Errorf("sequence length %d of %d steps", n, s.steps)
		}
	}
	s.lens = lens
	return nil
}

// walk runs one direction: all input products at once, then step by step.
func (g *recurrent) walk(c *Call, s *sequence, way int, d *direction, w *recurrentWeights, x []float32, states [2][]float32) {
	width := g.gates * s.hidden
	if g.coarse {
		x = coarsened(c.Floats(len(x)), x)
	}
	gates := c.Floats(s.steps * s.batch * width)
	f32.GemmPacked(c.Threads, s.steps*s.batch, x, s.in, w.w, 0, gates, width, f32.Epilogue{ColBias: w.wb})
	h := c.Floats(s.batch * s.hidden)
	for b := range s.batch {
		copy(h[b*s.hidden:][:s.hidden], s.state(states[0], b, way))
	}
	_, rows := w.r.Size()
	back := c.Floats(s.batch * width)
	seen := h // by the products
	if g.coarse {
		seen = c.Floats(len(h))
	}
	cell := &cell{recurrent: g, acts: d.acts, weights: w, hidden: s.hidden, temp: c.Floats(width)}
	for i := range s.steps {
		if g.coarse {
			coarsened(seen, h)
		}
		f32.GemmPacked(1, s.batch, seen, s.hidden, w.r, 0, back, rows, f32.Epilogue{ColBias: biasFor(w.rb, rows)})
		for b := range s.batch {
			if i >= s.lens[b] {
				continue
			}
			t := i
			if d.reverse {
				t = s.lens[b] - 1 - i
			}
			cell.step(gates[s.row(t, b)*width:][:width], back[b*rows:][:rows], h[b*s.hidden:][:s.hidden], s.states(states, b, way))
			copy(s.out(t, b, way), h[b*s.hidden:][:s.hidden])
		}
	}
	for b := range s.batch {
		copy(s.state(states[0], b, way), h[b*s.hidden:][:s.hidden])
	}
}

// states returns the memory cell of example b, nil if there are none.
func (s *sequence) states(states [2][]float32, b, way int) []float32 {
	if states[1] == nil {
		return nil
	}
	return s.state(states[1], b, way)
}

func biasFor(b []float32, n int) []float32 {
	if b == nil {
		return nil
	}
	return b[:n]
}
