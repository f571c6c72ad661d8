package repair

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Places say where units are observed.
type Places int

const (
	Before Places = 1 << iota // what layers give, before the non-linearity
	After                     // what layers read, after it, sums of a residual stream included
	Both   = Before | After
)

// widestPlace is how many features a place may have to be observed.
const widestPlace = 4096

// momentBytes is how much memory cross-moments take at a time; places beyond it
// wait for another pass over the data.
const momentBytes = 512 << 20

// Alike measures which units of b are alike which of a: the correlation, over
// calibration data, of every unit of a with every unit of b of the same group, at
// every place of the network where a layer gives or reads the group. Units of
// convolutions are correlated over positions. A unit that does not vary is like no
// other. Both models are over the graph of which spec was inferred.
//
// Means, variances and cross-moments come from one pass over the data, so memory
// does not depend on the number of samples; where places are many, from a few.
func Alike(ctx context.Context, spec *permspec.Spec, a, b *onnxgraph.Model, at Places, opts Options) ([]solver.Likeness, error) {
	j, err := newJob(ctx, []End{{Model: a}, {Model: b}}, opts)
	if err != nil {
		return nil, err
	}
	defer j.close()
	if _, err := j.number(); err != nil {
		return nil, err
	}
	places := j.places(spec, at)
	var out []solver.Likeness
	known := map[string]int{} // by blocks
	for len(places) > 0 {
		n, bytes := 0, 0
		for n < len(places) && (n == 0 || bytes < momentBytes) {
			bytes += 8 * places[n].size * places[n].size
			n++
		}
		if err := j.observe(places[:n]); err != nil {
			return nil, err
		}
		for _, p := range places[:n] {
			p.addTo(&out, known)
		}
		places = places[n:]
	}
	for _, l := range out {
		if slices.ContainsFunc(l.Gain, func(g float32) bool { return math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) }) {
			return nil, fmt.Errorf("repair: the numbers of %q are too large to be compared for some samples of %s", l.Name, opts.Data.Name)
		}
	}
	return out, nil
}

// place is an axis of a value along which groups stand.
type place struct {
	value  *onnxgraph.Value
	axis   int // from the end
	size   int
	blocks []permspec.Block // strides in features

	n      float64
	centre [2][]float32
	sums   [2][]float64
	square [2][]float64
	cross  []float64 // a by b
}

// places lists the values that layers give and read, each once.
func (j *job) places(spec *permspec.Spec, at Places) []*place {
	layouts := map[*onnxgraph.Weight]*permspec.WeightLayout{}
	for i := range spec.Weights {
		layouts[spec.Weights[i].Weight] = &spec.Weights[i]
	}
	seen := map[*onnxgraph.Value]bool{}
	var out []*place
	add := func(l *layer, v *onnxgraph.Value, axis, weightAxis, size int) {
		if seen[v] || v.Weight != nil || size > widestPlace || weightAxis < 0 {
			return
		}
		blocks := rowBlocks(layouts[l.weight], weightAxis, int64(size))
		if blocks == nil {
			return
		}
		seen[v] = true
		out = append(out, &place{value: v, axis: axis, size: size, blocks: blocks})
	}
	for _, l := range j.layers {
		if layouts[l.weight] == nil {
			continue
		}
		in, outs := l.axes()
		if at&Before != 0 && (l.groups == 1 || !l.transposed()) {
			add(l, l.out, l.outAxis, outs, l.groups*l.outs)
		}
		if at&After != 0 && l.groups == 1 {
			add(l, l.x, l.xAxis, in, l.cols/l.taps())
		}
	}
	return out
}

func (l *layer) transposed() bool { return l.window != nil && l.window.transposed }

// taps is how many columns belong to one feature of x.
func (l *layer) taps() int {
	n := 1
	if l.window != nil {
		for _, k := range l.window.kernel {
			n *= k
		}
	}
	return n
}

// axes are the axes of the weight that hold the features of x and of out, -1
// where features have no axis of their own.
func (l *layer) axes() (in, out int) {
	in, out = -1, -1
	stride := 1
	for k := len(l.weight.Shape) - 1; k >= 0; k-- {
		n := int(l.weight.Shape[k])
		if out < 0 && len(l.to) > 1 && l.to[1] == stride && n == l.groups*l.outs {
			out = k
		} else if t := l.taps(); in < 0 && len(l.col) > t && l.col[t] == stride && n == l.cols/t {
			in = k
		}
		stride *= n
	}
	return in, out
}

// rowBlocks are the blocks of a weight seen along one axis of n slots; nil when
// nothing moves along it, or moves by the slot of another axis.
func rowBlocks(layout *permspec.WeightLayout, axis int, n int64) []permspec.Block {
	stride := int64(1)
	for _, d := range layout.Weight.Shape[axis+1:] {
		stride *= d
	}
	free := false
	seen := map[string]bool{}
	var out []permspec.Block
	for _, b := range layout.Blocks {
		row := permspec.Block{Offset: b.Offset / stride % n}
		at := make([]int, len(b.Digits))
		for k, d := range b.Digits {
			at[k] = -1
			lo, hi := max(d.Stride, stride), min(d.Stride*int64(d.Size), stride*n)
			if hi <= lo {
				continue
			}
			if d.Group >= 0 {
				free = true
				if d.Stride < stride || d.Stride*int64(d.Size) > stride*n {
					return nil
				}
			}
			under := make([]int, len(d.Under))
			for i, u := range d.Under {
				if u >= k || at[u] < 0 {
					return nil
				}
				under[i] = at[u]
			}
			at[k] = len(row.Digits)
			row.Digits = append(row.Digits, permspec.Digit{Group: d.Group, Size: int(hi / lo), Stride: lo / stride, Under: under})
		}
		if key := fmt.Sprint(row); !seen[key] {
			seen[key] = true
			out = append(out, row)
		}
	}
	if !free {
		return nil
	}
	return out
}

// observe adds up the moments of places in one pass.
func (j *job) observe(places []*place) error {
	var values []*onnxgraph.Value
	for _, p := range places {
		values = append(values, p.value)
		p.cross = make([]float64, p.size*p.size)
		for e := range 2 {
			p.sums[e], p.square[e] = make([]float64, p.size), make([]float64, p.size)
		}
	}
	return j.read(func(i int, b *dataset.Batch) error {
		if j.held(i) {
			return nil
		}
		x, err := run(j.ctx, j.sessions[0], b, values)
		if err != nil {
			return err
		}
		y, err := run(j.ctx, j.sessions[1], b, values)
		if err != nil {
			return err
		}
		for k, p := range places {
			if err := p.add(j, k, i, x[p.value], y[p.value]); err != nil {
				return err
			}
		}
		return nil
	})
}

// add counts rows of one batch.
func (p *place) add(j *job, k, batch int, x, y *tensor) error {
	if len(x.shape) < p.axis || x.dim(p.axis) != p.size || len(x.data) != len(y.data) {
		return fmt.Errorf("repair: value %q has shape %v in one model and %v in the other", p.value.Name, x.shape, y.shape)
	}
	rows := j.draw(&layer{node: &onnxgraph.Node{}, cols: p.size}, k*j.count+batch, x.rows(p.axis))
	var data [2][]float32
	for e, t := range []*tensor{x, y} {
		data[e] = make([]float32, len(rows)*p.size)
		for i, r := range rows {
			t.row(data[e][i*p.size:][:p.size], p.axis, r)
		}
		if p.centre[e] == nil {
			p.centre[e] = make([]float32, p.size)
			for i, v := range data[e] {
				p.centre[e][i%p.size] += v / float32(len(rows))
			}
		}
		for i := range data[e] {
			c := i % p.size
			data[e][i] -= p.centre[e][c]
			v := float64(data[e][i])
			p.sums[e][c] += v
			p.square[e][c] += v * v
		}
	}
	p.n += float64(len(rows))
	f32.ProductAcc64(j.threads(), f32.Dense(data[0], len(rows), p.size, p.size).T(), f32.Dense(data[1], len(rows), p.size, p.size), p.cross, p.size)
	return nil
}

// addTo turns the moments into correlations and adds them to the likeness of the
// same blocks, if there is one.
func (p *place) addTo(out *[]solver.Likeness, known map[string]int) {
	key := fmt.Sprint(p.size, p.blocks)
	at, ok := known[key]
	if !ok {
		at = len(*out)
		known[key] = at
		*out = append(*out, solver.Likeness{Name: p.value.Name, Blocks: p.blocks, Size: p.size, Gain: make([]float32, p.size*p.size)})
	}
	var scale [2][]float64
	for e := range 2 {
		scale[e] = make([]float64, p.size)
		top := 0.0
		for c := range p.size {
			scale[e][c] = math.Sqrt(max(0, p.square[e][c]-p.sums[e][c]*p.sums[e][c]/p.n))
			top = max(top, scale[e][c])
		}
		for c, s := range scale[e] {
			scale[e][c] = 0
			if s > 1e-4*top {
				scale[e][c] = 1 / s
			}
		}
	}
	(*out)[at].Places++
	gain := (*out)[at].Gain
	for i := range p.size {
		for k := range p.size {
			c := p.cross[i*p.size+k] - p.sums[0][i]*p.sums[1][k]/p.n
			gain[i*p.size+k] += float32(c * scale[0][i] * scale[1][k])
		}
	}
	p.cross = nil
}

// Compare mends the averages of several sets of ends in one way, fitted without
// the samples held back, and judges them on these: see Auto.
func Compare(ctx context.Context, ends [][]End, averages []*onnxgraph.Model, kind Kind, opts Options) ([]Trial, error) {
	var models []*onnxgraph.Model
	var last *job
	for k := range ends {
		w, err := widen(ends[k], averages[k], kind, opts.KeepGraph)
		if err != nil {
			return nil, err
		}
		j, err := newJob(ctx, w.ends, opts)
		if err != nil {
			return nil, err
		}
		defer j.close()
		e, err := j.apply(kind, w.average, true)
		if err != nil {
			return nil, err
		}
		models, last = append(models, e.model), j
	}
	trials, _, err := last.judge(make([]Kind, len(models)), models)
	return trials, err
}
