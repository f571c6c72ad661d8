package repair

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// stats sums a feature of a value over its rows.
type stats struct{ n, sum, squares float64 }

func (s stats) mean() float64 { return s.sum / s.n }

// variance is that of the rows seen, not an estimate for more of them.
func (s stats) variance() float64 { return max(0, s.squares/s.n-s.mean()*s.mean()) }

// channels stands for the second axis, whatever the rank.
const channels = -1

// addRows counts the rows of a tensor, whose features lie along an axis counted
// from the end, or along channels. Sums are about centre, for precision, and in float64.
func addRows(to []stats, centre []float64, t *tensor, axis int) error {
	if axis == channels {
		axis = len(t.shape) - 1
	}
	if axis < 1 || len(t.shape) < axis || t.dim(axis) != len(to) {
		return fmt.Errorf("its shape is %v, where %d features were expected", t.shape, len(to))
	}
	inner := 1
	for k := 1; k < axis; k++ {
		inner *= t.dim(k)
	}
	for at := 0; at < len(t.data); at += inner {
		c := at / inner % len(to)
		s := &to[c]
		for _, v := range t.data[at : at+inner] {
			d := float64(v) - centre[c]
			s.sum += d
			s.squares += d * d
		}
		s.n += float64(inner)
	}
	return nil
}

// gather measures features of values of a model in the batches that count.
func (j *job) gather(r *eval.Runner, values []*onnxgraph.Value, axes, sizes []int, train bool) (sums [][]stats, centres [][]float64, err error) {
	for _, n := range sizes {
		sums, centres = append(sums, make([]stats, n)), append(centres, nil)
	}
	err = j.read(func(i int, b *dataset.Batch) error {
		if train && j.held(i) {
			return nil
		}
		got, err := run(j.ctx, r, b, values)
		if err != nil {
			return err
		}
		for k, v := range values {
			if centres[k] == nil {
				first := make([]stats, sizes[k])
				centres[k] = make([]float64, sizes[k])
				if err := addRows(first, centres[k], got[v], axes[k]); err != nil {
					return fmt.Errorf("repair: value %q: %w", v.Name, err)
				}
				for c, s := range first {
					centres[k][c] = s.mean()
				}
			}
			if err := addRows(sums[k], centres[k], got[v], axes[k]); err != nil {
				return fmt.Errorf("repair: value %q: %w", v.Name, err)
			}
		}
		return nil
	})
	return sums, centres, err
}

// renorm estimates the mean and variance of every BatchNormalization anew, in
// order, from what it reads in the repaired model.
func (j *job) renorm(e *edits, train bool) error {
	f := newFinder(e.model)
	var norms []*norm
	var nodes []*onnxgraph.Node
	var reads []*onnxgraph.Value
	for _, n := range e.model.Graph.Nodes {
		if b := f.ownStatistics(n); b != nil {
			norms, nodes, reads = append(norms, b), append(nodes, n), append(reads, n.Inputs[0])
		}
	}
	runs := waves(nodes, reads)
	for k, run := range runs {
		j.tell(BN, k, len(runs))
		var values []*onnxgraph.Value
		var axes, sizes []int
		for _, i := range run {
			values, axes, sizes = append(values, reads[i]), append(axes, channels), append(sizes, int(norms[i].mean.Elements()))
		}
		if err := j.renormWave(e, norms, run, values, axes, sizes, train); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) renormWave(e *edits, norms []*norm, run []int, values []*onnxgraph.Value, axes, sizes []int, train bool) error {
	r, err := eval.Open(e.model, j.opts.Open)
	if err != nil {
		return err
	}
	defer r.Close()
	sums, centres, err := j.gather(r, values, axes, sizes, train)
	if err != nil {
		return err
	}
	numbers := map[*onnxgraph.Weight][]float64{}
	for k, i := range run {
		mean, vari := make([]float64, sizes[k]), make([]float64, sizes[k])
		for c, s := range sums[k] {
			mean[c], vari[c] = centres[k][c]+s.mean(), s.variance()
		}
		numbers[norms[i].mean], numbers[norms[i].vari] = mean, vari
	}
	e.set(numbers)
	return nil
}

// ownStatistics is norm for a node whose mean and variance are its own.
func (f *finder) ownStatistics(n *onnxgraph.Node) *norm {
	if n.Op != "BatchNormalization" || n.Domain != "" || len(n.Inputs) == 0 || n.Inputs[0] == nil {
		return nil
	}
	b := f.norm(n)
	if b == nil || f.uses[b.mean] != 1 || f.uses[b.vari] != 1 || !b.mean.Replaceable() || !b.vari.Replaceable() {
		return nil
	}
	return b
}

// rescale gives every output of every layer, in order, the mean and deviation
// that lie between those it has in the ends:
//
//	W ← αW, b ← αb + β,   α = σ*/σ, β = μ* - αμ
//
// Outputs that do not vary, in the average or in the ends, are only shifted.
func (j *job) rescale(e *edits, train bool) error {
	nodes, reads := ends(j.layers)
	var goals []goal
	runs := waves(nodes, reads)
	for k, run := range runs {
		j.tell(Rescale, k, len(runs))
		if k == 0 {
			var err error
			if goals, err = j.goals(train); err != nil {
				return err
			}
		}
		if err := j.rescaleWave(e, run, goals, train); err != nil {
			return err
		}
	}
	return nil
}

// goal is the mean and deviation that each output of a layer is to have.
type goal struct{ mean, deviation []float64 }

// goals measures the ends.
func (j *job) goals(train bool) ([]goal, error) {
	values, axes, sizes := outputs(j.layers)
	out := make([]goal, len(j.layers))
	for k, r := range j.sessions {
		sums, centres, err := j.gather(r, values, axes, sizes, train)
		if err != nil {
			return nil, err
		}
		for i, n := range sizes {
			if k == 0 {
				out[i] = goal{make([]float64, n), make([]float64, n)}
			}
			for c, list := range j.ends[k].shares(j.layers[i].weight, n) {
				for _, from := range list {
					s := sums[i][from.Unit]
					out[i].mean[c] += from.Part * (centres[i][from.Unit] + s.mean())
					out[i].deviation[c] += from.Part * math.Sqrt(s.variance())
				}
			}
		}
	}
	return out, nil
}

func outputs(layers []*layer) (values []*onnxgraph.Value, axes, sizes []int) {
	for _, l := range layers {
		values, axes, sizes = append(values, l.out), append(axes, l.outAxis), append(sizes, l.groups*l.outs)
	}
	return values, axes, sizes
}

func (j *job) rescaleWave(e *edits, run []int, goals []goal, train bool) error {
	var wave []*layer
	for _, i := range run {
		wave = append(wave, j.layers[i])
	}
	r, err := eval.Open(e.model, j.opts.Open)
	if err != nil {
		return err
	}
	defer r.Close()
	values, axes, sizes := outputs(wave)
	sums, centres, err := j.gather(r, values, axes, sizes, train)
	if err != nil {
		return err
	}
	for k, l := range wave {
		alpha, beta := make([]float64, sizes[k]), make([]float64, sizes[k])
		for c, s := range sums[k] {
			want := goals[run[k]]
			alpha[c] = 1
			if was := math.Sqrt(s.variance()); was > 1e-9*(1+math.Abs(centres[k][c])) && want.deviation[c] > 0 {
				alpha[c] = want.deviation[c] / was
			}
			beta[c] = want.mean[c] - alpha[c]*(centres[k][c]+s.mean())
		}
		if err := l.affine(e, alpha, beta); err != nil {
			return err
		}
	}
	return nil
}

// affine makes the layer give α·out + β, or α·out where there is no bias.
func (l *layer) affine(e *edits, alpha, beta []float64) error {
	w, err := e.model.Float64s(l.weight)
	if err != nil {
		return err
	}
	for g := range l.groups {
		for o := range l.outs {
			for _, c := range l.col {
				w[g*l.group+c+l.to[o]] *= alpha[g*l.outs+o]
			}
		}
	}
	numbers := map[*onnxgraph.Weight][]float64{l.weight: w}
	if l.bias != nil {
		b, err := e.model.Float64s(l.bias)
		if err != nil {
			return err
		}
		for o := range b {
			b[o] *= alpha[o]
		}
		numbers[l.bias] = b
	}
	shift, err := l.through(e.model, alpha, beta)
	if err != nil {
		return err
	}
	e.set(numbers)
	numbers = map[*onnxgraph.Weight][]float64{}
	if err := l.offset(e.model, shift, numbers); err != nil {
		return err
	}
	e.set(numbers)
	return nil
}

// through returns what is to be added to the layer's sum, once that is scaled by
// α, for its output to be α·out + β.
func (l *layer) through(m *onnxgraph.Model, alpha, beta []float64) ([]float64, error) {
	if l.norm == nil {
		return beta, nil
	}
	// out = s(y - μ) + b, and s(αy + d - μ) + b = α·out + β.
	slope, err := l.norm.slope(m)
	if err != nil {
		return nil, err
	}
	mean, err := m.Float64s(l.norm.mean)
	if err != nil {
		return nil, err
	}
	b, err := m.Float64s(l.norm.beta)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(beta))
	for o := range out {
		if math.Abs(slope[o]) > 1e-12 {
			out[o] = (alpha[o]*b[o]-b[o]+beta[o])/slope[o] + mean[o] - alpha[o]*mean[o]
		}
	}
	return out, nil
}
