package repair

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Distillation takes distilSteps steps of one batch each. The first moves a number by
// distilRate of its weight's root mean square, later ones by less, down to nothing.
const (
	distilSteps = 400
	distilRate  = 4e-3
)

// distil refits the layers and goes on from there by gradients: towards what the ends
// say (Hinton et al. 2015) about the samples or, where these are vectors and scarce, about
// such as are put together from two each, see crossed. Least squares do the best for what is next to
// each layer; how errors of layers meet, and which of them count in the end, they do not
// know.
func (j *job) distil(e *edits, train bool) error {
	if err := j.refit(e, train); err != nil {
		return err
	}
	d, err := j.descent(e.model, train)
	if err != nil {
		return err
	}
	for step := range distilSteps {
		j.tell(Distil, step, distilSteps)
		if err := d.step(distilRate * (1 + math.Cos(math.Pi*float64(step)/distilSteps)) / 2); err != nil {
			return err
		}
	}
	e.set(d.contents())
	return nil
}

// descent is distillation under way.
type descent struct {
	*job
	tape    *exec.Tape
	goal    *eval.Objective
	weights []*onnxgraph.Weight
	numbers [][]float32
	batches []*dataset.Batch
	cross   bool
	adam    *adam
	rng     *rand.Rand
}

// descent begins with a model as it is.
func (j *job) descent(m *onnxgraph.Model, train bool) (*descent, error) {
	d := &descent{job: j, weights: trainable(m), cross: j.scarce() && j.flat()}
	var err error
	if d.goal, err = eval.NewObjective(m, j.opts.Evaluate); err != nil {
		return nil, err
	}
	d.tape, err = exec.NewTape(m, exec.TapeOptions{Weights: d.weights, Outputs: []*onnxgraph.Value{d.goal.Output}, Threads: j.threads()})
	if err != nil {
		return nil, err
	}
	for _, w := range d.weights {
		numbers, err := m.Float32s(w)
		if err != nil {
			return nil, err
		}
		d.numbers = append(d.numbers, slices.Clone(numbers))
	}
	d.adam = newAdam(d.numbers)
	if d.batches, err = j.learnt(train); err != nil {
		return nil, err
	}
	d.rng = rand.New(rand.NewPCG(3, uint64(len(d.batches))))
	return d, nil
}

// learnt lists the batches to learn from, as many as there is room for.
func (j *job) learnt(train bool) ([]*dataset.Batch, error) {
	var out []*dataset.Batch
	bytes := 0
	err := j.read(func(i int, b *dataset.Batch) error {
		if bytes > keepBytes || train && j.held(i) {
			return nil
		}
		for _, t := range b.Inputs {
			bytes += t.Type.Size() * elements(t.Shape)
		}
		out = append(out, b)
		return nil
	})
	return out, err
}

// step learns from one batch.
func (d *descent) step(rate float64) error {
	b := d.batches[d.rng.IntN(len(d.batches))]
	if d.cross {
		b = crossed(b, d.batches[d.rng.IntN(len(d.batches))], d.rng)
	}
	name := d.goal.Output.Name
	var said []*onnxgraph.Tensor
	for _, r := range d.sessions {
		out, err := r.Run(d.ctx, b.Inputs, []string{name})
		if err != nil {
			return err
		}
		said = append(said, out[name])
	}
	target, err := d.goal.Mixture(said, b.N)
	if err != nil {
		return err
	}
	by, err := d.tape.Run(d.ctx, b.Inputs, d.numbers, func(out []*onnxgraph.Tensor) ([][]float32, error) {
		_, up, err := d.goal.Slope(out[0], target)
		return [][]float32{up}, err
	})
	if err != nil {
		return err
	}
	d.adam.step(d.numbers, by, rate)
	return nil
}

// contents is where the weights are now.
func (d *descent) contents() map[*onnxgraph.Weight][]float64 {
	out := map[*onnxgraph.Weight][]float64{}
	for i, w := range d.weights {
		out[w] = make([]float64, len(d.numbers[i]))
		for k, v := range d.numbers[i] {
			out[w][k] = float64(v)
		}
	}
	return out
}

// trainable lists the weights of layers, of recurrent layers and of normalizations.
func trainable(m *onnxgraph.Model) []*onnxgraph.Weight {
	f := newFinder(m)
	var out []*onnxgraph.Weight
	add := func(list ...*onnxgraph.Weight) {
		for _, w := range list {
			if w != nil && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	for _, l := range layersOf(m) {
		add(l.weight, l.bias)
	}
	for _, r := range recurrents(m) {
		add(r.w, r.r, r.b)
	}
	for _, n := range m.Graph.Nodes {
		switch n.Op {
		case "BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization":
			for _, v := range n.Inputs[1:min(3, len(n.Inputs))] {
				if w, _ := f.own(v); w != nil {
					add(w)
				}
			}
		}
	}
	return out
}

// adam is gradient descent by Adam (Kingma and Ba 2015), each weight's rate in units
// of the root mean square of its numbers at first.
type adam struct {
	scale        []float64
	mean, square [][]float32 // of an element's gradients
	steps        float64
}

// How much of a mean is kept in each step.
const (
	keepMean   = 0.9
	keepSquare = 0.999
)

func newAdam(weights [][]float32) *adam {
	d := &adam{}
	for _, w := range weights {
		sum := 0.0
		for _, v := range w {
			sum += float64(v) * float64(v)
		}
		d.scale = append(d.scale, math.Sqrt(sum/float64(max(1, len(w)))))
		d.mean, d.square = append(d.mean, make([]float32, len(w))), append(d.square, make([]float32, len(w)))
	}
	return d
}

// step moves weights against their gradients.
func (d *adam) step(weights, gradients [][]float32, rate float64) {
	d.steps++
	correct := math.Sqrt(1-math.Pow(keepSquare, d.steps)) / (1 - math.Pow(keepMean, d.steps))
	for i, gradient := range gradients {
		by := float32(rate * d.scale[i] * correct)
		w, m, s := weights[i], d.mean[i], d.square[i]
		for k, g := range gradient {
			m[k] = keepMean*m[k] + (1-keepMean)*g
			s[k] = keepSquare*s[k] + (1-keepSquare)*g*g
			if root := float32(math.Sqrt(float64(s[k]))); root > 0 {
				w[k] -= by * m[k] / root
			}
		}
	}
}
