package repair

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A layer of more inputs than widest is not refitted: its normal equations
// would take a gigabyte.
const widest = 8192

// rowsFor is how many rows of all batches a layer is fitted to: places of one
// sample are much alike, so more of them than this add cost and little else.
func rowsFor(cols int) int { return min(max(24*cols, 16384), 131072) }

// target is what a layer is to give in one batch, at the rows that were drawn.
type target struct {
	rows []int
	want []float32 // len(rows) by all outs
}

// draw picks the rows of a layer in a batch: one from each of equal parts.
func (j *job) draw(l *layer, batch, total int) []int {
	batches := j.count + len(j.extra)
	keep := min(total, (rowsFor(l.cols)+batches-1)/batches)
	rng := rand.New(rand.NewPCG(uint64(l.node.Index()), uint64(batch)))
	rows := make([]int, keep)
	for i := range rows {
		rows[i] = i
		if keep < total {
			rows[i] = min(total-1, int((float64(i)+rng.Float64())*float64(total)/float64(keep)))
		}
	}
	return rows
}

// refit goes through the layers in order and changes each so that it gives the
// mean of what the ends give, from what it reads now.
func (j *job) refit(e *edits, train bool) error {
	if _, err := j.number(); err != nil {
		return err
	}
	if j.scarce() {
		j.extra, j.targets = j.mixed(), nil
	}
	defer func() { j.extra = nil }()
	layers := j.fitted()
	nodes, reads := ends(layers)
	again := recurrents(j.graph)
	for _, r := range again {
		nodes, reads = append(nodes, r.node), append(reads, r.x)
	}
	order := byIndex(nodes)
	runs := waves(picked(nodes, order), picked(reads, order))
	for k, run := range runs {
		j.tell(LSQ, k, len(runs))
		var wave []*layer
		for _, n := range run {
			if n = order[n]; n < len(layers) {
				wave = append(wave, layers[n])
			} else if err := j.refitRecurrent(e, again[n-len(layers)], train); err != nil {
				return err
			}
		}
		if len(wave) > 0 {
			if err := j.aim(layers[slices.Index(layers, wave[0]):]); err != nil {
				return err
			}
			if err := j.refitWave(e, wave, train); err != nil {
				return err
			}
		}
	}
	return nil
}

// byIndex orders nodes as they stand in their graph.
func byIndex(nodes []*onnxgraph.Node) []int {
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return nodes[a].Index() - nodes[b].Index() })
	return order
}

func picked[T any](list []T, order []int) []T {
	out := make([]T, len(order))
	for i, n := range order {
		out[i] = list[n]
	}
	return out
}

// fitted lists the layers that can be refitted.
func (j *job) fitted() []*layer {
	var out []*layer
	for _, l := range j.layers {
		if l.cols <= widest {
			out = append(out, l)
		}
	}
	return out
}

// ends lists the nodes of layers and what they read.
func ends(layers []*layer) (nodes []*onnxgraph.Node, reads []*onnxgraph.Value) {
	for _, l := range layers {
		nodes, reads = append(nodes, l.node), append(reads, l.x)
	}
	return nodes, reads
}

// aim computes the targets of the first of the layers, and ahead those of as many
// more as there is room for.
func (j *job) aim(layers []*layer) error {
	if _, ok := j.targets[layers[0]]; ok {
		return nil
	}
	j.targets = map[*layer][]target{}
	room := keepBytes
	var values []*onnxgraph.Value
	for i, l := range layers {
		if room -= 4 * rowsFor(l.cols) * l.groups * l.outs; room < 0 && i > 8 {
			break
		}
		j.targets[l] = make([]target, j.count+len(j.extra))
		values = append(values, l.out)
	}
	return j.read(func(i int, b *dataset.Batch) error {
		for k, r := range j.sessions {
			got, err := run(j.ctx, r, b, values)
			if err != nil {
				return err
			}
			for l, list := range j.targets {
				if err := j.add(l, &list[i], got[l.out], i, j.ends[k].shares(l.weight, l.groups*l.outs)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// add adds what one end gives to a target.
func (j *job) add(l *layer, t *target, out *tensor, batch int, shares [][]Share) error {
	outs := l.groups * l.outs
	if len(out.shape) < l.outAxis || out.dim(l.outAxis) != outs {
		return fmt.Errorf("repair: %v gives shape %v, where %d features were expected", l.node, out.shape, outs)
	}
	if t.rows == nil {
		t.rows = j.draw(l, batch, out.rows(l.outAxis))
		t.want = make([]float32, len(t.rows)*outs)
	}
	row := make([]float32, outs)
	for i, r := range t.rows {
		out.row(row, l.outAxis, r)
		for o, list := range shares {
			for _, from := range list {
				t.want[i*outs+o] += float32(from.Part) * row[from.Unit]
			}
		}
	}
	return nil
}

// fitting gathers the normal equations of one layer.
type fitting struct {
	*layer
	free        bool      // there is a bias to shift
	centre      []float32 // taken from x, for precision
	unit        []float32 // what one of weight · x is in out, by the normalization after it; 0: nothing
	train, held []*moments
}

func (j *job) refitWave(e *edits, wave []*layer, train bool) error {
	var fits []*fitting
	var values []*onnxgraph.Value
	for _, l := range wave {
		f := &fitting{layer: l, free: l.bias != nil || l.norm != nil}
		for range l.groups {
			f.train, f.held = append(f.train, newMoments(l.cols, l.outs)), append(f.held, newMoments(l.cols, l.outs))
		}
		var err error
		if f.unit, err = l.units(e.model); err != nil {
			return err
		}
		fits, values = append(fits, f), append(values, l.x, l.out)
	}
	r, err := eval.Open(e.model, j.opts.Open)
	if err != nil {
		return err
	}
	defer r.Close()
	err = j.read(func(i int, b *dataset.Batch) error {
		got, err := run(j.ctx, r, b, values)
		if err != nil {
			return err
		}
		for _, f := range fits {
			if err := f.batch(j.threads(), &j.targets[f.layer][i], got[f.x], got[f.out], j.heldBack(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range fits {
		var changes []*correction
		for g := range f.groups {
			changes = append(changes, fit(f.train[g], f.held[g], f.free, train))
		}
		if err := f.write(e, changes); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) threads() int {
	if j.opts.Threads > 0 {
		return j.opts.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// batch adds one batch to the normal equations: what the layer reads, and what
// its output lacks.
func (f *fitting) batch(threads int, t *target, x, out *tensor, held bool) error {
	outs, cols := f.groups*f.outs, f.groups*f.cols
	if f.window == nil && x.dim(f.xAxis) != cols || out.dim(f.outAxis) != outs || len(t.rows) > 0 && t.rows[len(t.rows)-1] >= out.rows(f.outAxis) {
		return fmt.Errorf("repair: %v reads shape %v and gives %v, unlike in the ends", f.node, x.shape, out.shape)
	}
	xs, lack := make([]float32, len(t.rows)*cols), make([]float32, len(t.rows)*outs)
	for i, r := range t.rows {
		dst := xs[i*cols:][:cols]
		if f.window != nil {
			f.window.read(dst, x, out, r)
		} else {
			x.row(dst, f.xAxis, r)
		}
		row := lack[i*outs:][:outs]
		out.row(row, f.outAxis, r)
		for o, v := range row {
			row[o] = (t.want[i*outs+o] - v) * f.unit[o]
		}
	}
	f.recentre(xs, cols)
	to := f.train
	if held {
		to = f.held
	}
	for g, m := range to {
		m.add(threads, len(t.rows), xs[g*f.cols:], cols, lack[g*f.outs:], outs)
	}
	return nil
}

// recentre takes the means of the first batch from the rows of all, where a bias
// makes good for it.
func (f *fitting) recentre(xs []float32, cols int) {
	if !f.free {
		return
	}
	n := len(xs) / cols
	if f.centre == nil && n > 0 {
		f.centre = make([]float32, cols)
		for i, v := range xs {
			f.centre[i%cols] += v / float32(n)
		}
	}
	for i := range xs {
		xs[i] -= f.centre[i%cols]
	}
}

// units gives, for each output, what a change of the layer's sum before
// normalization is to be divided by: 1 over the slope of the normalization.
func (l *layer) units(m *onnxgraph.Model) ([]float32, error) {
	out := make([]float32, l.groups*l.outs)
	for o := range out {
		out[o] = 1
	}
	if l.norm == nil {
		return out, nil
	}
	slope, err := l.norm.slope(m)
	if err != nil {
		return nil, err
	}
	for o, s := range slope {
		out[o] = 0
		if math.Abs(s) > 1e-12 {
			out[o] = float32(1 / s)
		}
	}
	return out, nil
}

// slope is γ/√(σ²+ε) of each channel.
func (b *norm) slope(m *onnxgraph.Model) ([]float64, error) {
	gamma, err := m.Float64s(b.gamma)
	if err != nil {
		return nil, err
	}
	vari, err := m.Float64s(b.vari)
	if err != nil {
		return nil, err
	}
	for o := range gamma {
		gamma[o] /= math.Sqrt(vari[o] + b.epsilon)
	}
	return gamma, nil
}

// write adds the corrections to the layer's weight and bias, or to the mean of
// the normalization after it.
func (f *fitting) write(e *edits, changes []*correction) error {
	w, err := e.model.Float64s(f.weight)
	if err != nil {
		return err
	}
	shift := make([]float64, f.groups*f.outs)
	moved := false
	for g, c := range changes {
		moved = moved || c.ridge < math.Inf(1)
		for o := range f.outs {
			at := g*f.outs + o
			shift[at] = c.shift[o]
			for i := range f.cols {
				d := c.delta[i*f.outs+o]
				w[g*f.group+f.col[i]+f.to[o]] += d / f.scale
				if f.centre != nil {
					shift[at] -= d * float64(f.centre[g*f.cols+i])
				}
			}
		}
	}
	numbers := map[*onnxgraph.Weight][]float64{}
	if moved {
		numbers[f.weight] = w
	}
	if err := f.offset(e.model, shift, numbers); err != nil {
		return err
	}
	e.set(numbers)
	return nil
}

// offset adds to the layer's sum before normalization: to its bias, or taken off
// the running mean.
func (l *layer) offset(m *onnxgraph.Model, shift []float64, numbers map[*onnxgraph.Weight][]float64) error {
	at, sign := l.bias, 1.0
	if at == nil && l.norm != nil {
		at, sign = l.norm.mean, -1
	}
	any := false
	for _, s := range shift {
		any = any || s != 0
	}
	if at == nil || !any {
		return nil
	}
	b, err := m.Float64s(at)
	if err != nil {
		return err
	}
	for o, s := range shift {
		b[o] += sign * s
	}
	numbers[at] = b
	return nil
}
