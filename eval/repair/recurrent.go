package repair

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// recurrent is an LSTM, GRU or RNN. Its gates are linear in what it reads and in
// its own last state:
//
//	a = W·x(t) + b    c = R·h(t-1) + d
type recurrent struct {
	node       *onnxgraph.Node
	x, y       *onnxgraph.Value
	w, r, b    *onnxgraph.Weight // b may be nil
	gates      int
	in, hidden int
	ways       int
	reverse    []bool // of each direction
	afterwards bool   // GRU: the reset gate multiplies R·h, not h
}

// recurrents lists the recurrent nodes that can be refitted: their weights are
// their own, their states can be seen, and all sequences are of one length.
func recurrents(m *onnxgraph.Model) []*recurrent {
	f := newFinder(m)
	var out []*recurrent
	for _, n := range m.Graph.Nodes {
		gates := map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[n.Op]
		if gates == 0 || n.Domain != "" || len(n.Inputs) < 3 || n.Inputs[0] == nil || n.Inputs[0].Weight != nil || len(n.Outputs) == 0 || n.Outputs[0] == nil {
			continue
		}
		given := func(i int) *onnxgraph.Value {
			if i < len(n.Inputs) {
				return n.Inputs[i]
			}
			return nil
		}
		if given(4) != nil || given(7) != nil || n.Attrs["layout"].Int != 0 || n.Attrs["activations"].Strings != nil {
			continue
		}
		r := &recurrent{node: n, x: n.Inputs[0], y: n.Outputs[0], gates: gates, afterwards: n.Attrs["linear_before_reset"].Int != 0}
		r.w, _ = f.own(n.Inputs[1])
		r.r, _ = f.own(n.Inputs[2])
		if r.w == nil || r.r == nil || len(r.w.Shape) != 3 || len(r.r.Shape) != 3 {
			continue
		}
		if v := given(3); v != nil {
			if r.b, _ = f.own(v); r.b == nil {
				continue
			}
		}
		r.ways, r.in, r.hidden = int(r.w.Shape[0]), int(r.w.Shape[2]), int(r.r.Shape[2])
		r.reverse = map[string][]bool{"": {false}, "forward": {false}, "reverse": {true}, "bidirectional": {false, true}}[n.Attrs["direction"].String]
		if len(r.reverse) == r.ways && r.in+r.hidden <= widest {
			out = append(out, r)
		}
	}
	return out
}

// fitGates are gates fitted together: outs of them from the first on, to x, to
// the last state, or to both.
type fitGates struct {
	first, outs int
	x, h        bool
	train, held *moments
}

func (r *recurrent) parts() []*fitGates {
	n := r.hidden
	switch {
	case r.node.Op != "GRU":
		return []*fitGates{{outs: r.gates * n, x: true, h: true}}
	case r.afterwards:
		return []*fitGates{{outs: 2 * n, x: true, h: true}, {first: 2 * n, outs: n, x: true}, {first: 2 * n, outs: n, h: true}}
	}
	return []*fitGates{{outs: 2 * n, x: true, h: true}, {first: 2 * n, outs: n, x: true, h: true}}
}

// numbersOf are the weights of one direction.
type numbersOf struct{ w, r, wb, rb []float32 }

func (r *recurrent) numbers(m *onnxgraph.Model, way int) (numbersOf, error) {
	rows := r.gates * r.hidden
	out := numbersOf{wb: make([]float32, rows), rb: make([]float32, rows)}
	w, err := m.Float32s(r.w)
	if err != nil {
		return out, err
	}
	u, err := m.Float32s(r.r)
	if err != nil {
		return out, err
	}
	out.w, out.r = w[way*rows*r.in:][:rows*r.in], u[way*rows*r.hidden:][:rows*r.hidden]
	if r.b != nil {
		b, err := m.Float32s(r.b)
		if err != nil {
			return out, err
		}
		out.wb, out.rb = b[2*way*rows:][:rows], b[(2*way+1)*rows:][:rows]
	}
	return out, nil
}

// refitRecurrent fits the gates of a recurrent node to the mean of what they are
// in the ends, with the mean state of the ends as the state it comes from: so it
// can be done in closed form, and errors do not build up along the sequence.
func (j *job) refitRecurrent(e *edits, r *recurrent, train bool) error {
	session, err := eval.Open(e.model, j.opts.Open)
	if err != nil {
		return err
	}
	defer session.Close()
	for way := range r.ways {
		parts := r.parts()
		for _, p := range parts {
			cols := 0
			if p.x {
				cols += r.in
			}
			if p.h {
				cols += r.hidden
			}
			p.train, p.held = newMoments(cols, p.outs), newMoments(cols, p.outs)
		}
		models := []*onnxgraph.Model{e.model}
		for _, end := range j.ends {
			models = append(models, end.Model)
		}
		var weights []numbersOf
		for _, m := range models {
			n, err := r.numbers(m, way)
			if err != nil {
				return err
			}
			weights = append(weights, n)
		}
		err := j.read(func(i int, b *dataset.Batch) error {
			got, err := run(j.ctx, session, b, []*onnxgraph.Value{r.x})
			if err != nil {
				return err
			}
			var xs, ys []*tensor
			for _, s := range j.sessions {
				end, err := run(j.ctx, s, b, []*onnxgraph.Value{r.x, r.y})
				if err != nil {
					return err
				}
				xs, ys = append(xs, end[r.x]), append(ys, end[r.y])
			}
			return j.addGates(r, way, i, weights, got[r.x], xs, ys, parts)
		})
		if err != nil {
			return err
		}
		if err := r.write(e, way, parts, train); err != nil {
			return err
		}
	}
	return nil
}

// addGates adds one batch to the normal equations of one direction.
func (j *job) addGates(r *recurrent, way, batch int, weights []numbersOf, x *tensor, xs, ys []*tensor, parts []*fitGates) error {
	if len(x.shape) != 3 || x.shape[2] != r.in || len(ys[0].shape) != 4 || ys[0].shape[3] != r.hidden || len(xs[0].data) != len(x.data) {
		return fmt.Errorf("repair: %v reads shape %v and gives %v, unlike its weights", r.node, x.shape, ys[0].shape)
	}
	steps, n, size := x.shape[0], x.shape[1], r.gates*r.hidden
	if steps < 2 {
		return nil
	}
	rows := (steps - 1) * n // the first step has no state before it
	from := 1
	if r.reverse[way] {
		from = 0
	}
	read := func(t *tensor) []float32 { return t.data[from*n*r.in:][:rows*r.in] }
	mean, want := make([]float32, rows*r.hidden), [2][]float32{make([]float32, rows*size), make([]float32, rows*size)}
	states := make([][]float32, len(ys))
	for k, y := range ys {
		states[k] = make([]float32, rows*r.hidden)
		for s := range steps - 1 {
			before := s
			if r.reverse[way] {
				before = s + 1
			}
			copy(states[k][s*n*r.hidden:], y.data[(before*r.ways+way)*n*r.hidden:][:n*r.hidden])
		}
		part := float32(j.ends[k].part(r.w))
		f32.Axpy(mean, part, states[k])
		a, c, _ := r.sums(j.threads(), weights[k+1], read(xs[k]), states[k], rows, nil)
		f32.Axpy(want[0], part, a)
		f32.Axpy(want[1], part, c)
	}
	a, c, last := r.sums(j.threads(), weights[0], read(x), mean, rows, &want)
	for _, p := range parts {
		to := p.train
		if j.heldBack(batch) {
			to = p.held
		}
		state := mean
		if p.first > 0 && !r.afterwards {
			state = last
		}
		features := make([]float32, 0, rows*to.cols)
		lack := make([]float32, 0, rows*p.outs)
		for i := range rows {
			if p.x {
				features = append(features, read(x)[i*r.in:][:r.in]...)
			}
			if p.h {
				features = append(features, state[i*r.hidden:][:r.hidden]...)
			}
			for o := p.first; o < p.first+p.outs; o++ {
				e := float32(0)
				if p.x {
					e += want[0][i*size+o] - a[i*size+o]
				}
				if p.h {
					e += want[1][i*size+o] - c[i*size+o]
				}
				lack = append(lack, e)
			}
		}
		to.add(j.threads(), rows, features, to.cols, lack, p.outs)
	}
	return nil
}

// sums computes a and c for all gates, and what the last gate of a GRU reads: the
// state or, where that is reset before the product, the state times the reset gate:
// its own one, or the one that is wanted.
func (r *recurrent) sums(threads int, w numbersOf, x, h []float32, rows int, want *[2][]float32) (a, c, last []float32) {
	size := r.gates * r.hidden
	product := func(in []float32, n int, weight, bias []float32, first, outs int, out []float32) {
		f32.ParGemm(threads, false, true, rows, outs, n, 1, in, n, weight[first*n:], n, 0, out[first:], size)
		for i := range rows {
			for o := first; o < first+outs; o++ {
				out[i*size+o] += bias[o]
			}
		}
	}
	a, c = make([]float32, rows*size), make([]float32, rows*size)
	product(x, r.in, w.w, w.wb, 0, size, a)
	if r.node.Op != "GRU" || r.afterwards {
		product(h, r.hidden, w.r, w.rb, 0, size, c)
		return a, c, h
	}
	product(h, r.hidden, w.r, w.rb, 0, 2*r.hidden, c)
	last = make([]float32, len(h))
	for i := range rows {
		for k := range r.hidden {
			at := i*size + r.hidden + k
			sum := float64(a[at] + c[at])
			if want != nil {
				sum = float64(want[0][at] + want[1][at])
			}
			gate := 1 / (1 + math.Exp(-sum))
			last[i*r.hidden+k] = float32(gate) * h[i*r.hidden+k]
		}
	}
	product(last, r.hidden, w.r, w.rb, 2*r.hidden, r.hidden, c)
	return a, c, last
}

// write adds the corrections of one direction.
func (r *recurrent) write(e *edits, way int, parts []*fitGates, train bool) error {
	w, err := e.model.Float64s(r.w)
	if err != nil {
		return err
	}
	u, err := e.model.Float64s(r.r)
	if err != nil {
		return err
	}
	numbers := map[*onnxgraph.Weight][]float64{r.w: w, r.r: u}
	var b []float64
	if r.b != nil {
		if b, err = e.model.Float64s(r.b); err != nil {
			return err
		}
		numbers[r.b] = b
	}
	rows := r.gates * r.hidden
	for _, p := range parts {
		c := fit(p.train, p.held, r.b != nil, train)
		for o := range p.outs {
			row, at := way*rows+p.first+o, 0
			if p.x {
				for i := range r.in {
					w[row*r.in+i] += c.delta[i*p.outs+o]
				}
				at = r.in
			}
			if p.h {
				for i := range r.hidden {
					u[row*r.hidden+i] += c.delta[(at+i)*p.outs+o]
				}
			}
			if b != nil {
				part := 2 * way
				if !p.x {
					part++
				}
				b[part*rows+p.first+o] += c.shift[o]
			}
		}
	}
	e.set(numbers)
	return nil
}
