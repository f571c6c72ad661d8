package repair

import (
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// mixedRounds is how many mixed samples a refit gets for every sample.
const mixedRounds = 3

// scarce reports whether some layer reads one row a sample and has too many
// inputs to be fitted to so few.
func (j *job) scarce() bool {
	shapes := onnxgraph.Shapes(j.graph)
	for _, l := range j.layers {
		if dims, ok := shapes.Shape(l.out); ok && len(dims) == 2 && j.opts.Data.Len() < 4*l.cols {
			return true
		}
	}
	return false
}

// flat reports whether every layer reads one row a sample: nothing in it has neighbours.
func (j *job) flat() bool {
	shapes := onnxgraph.Shapes(j.graph)
	return len(recurrents(j.graph)) == 0 && !slices.ContainsFunc(j.layers, func(l *layer) bool {
		dims, ok := shapes.Shape(l.out)
		return !ok || len(dims) != 2
	})
}

// mixed makes further samples to refit layers to: each a weighted mean of two
// samples that are not held back (as mixup, Zhang et al. 2018). The ends say
// what a layer is to give for any input, so a layer with more inputs than there
// are samples is fitted to more than the samples tell. There are none for inputs
// that are not floating-point, as words, nor where the samples are too many to be
// kept in memory.
func (j *job) mixed() []*dataset.Batch {
	if j.kept == nil {
		return nil
	}
	var train []*dataset.Batch
	for i, b := range j.kept {
		for _, t := range b.Inputs {
			if _, ok := t.Data.([]float32); !ok {
				return nil
			}
		}
		if !j.held(i) {
			train = append(train, b)
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(train))))
	var out []*dataset.Batch
	for range mixedRounds {
		order := rng.Perm(len(train))
		for k, b := range train {
			if m := mix(b, train[order[k]], rng, mean); m != nil {
				out = append(out, m)
			}
		}
	}
	return out
}

// mean is x and y by their shares.
func mean(share, x, y float32) float32 { return share*x + (1-share)*y }

// crossed is a batch whose samples have each element from one of two samples, one of a
// each and one of b; a itself where there are no such.
func crossed(a, b *dataset.Batch, rng *rand.Rand) *dataset.Batch {
	for _, t := range a.Inputs {
		if _, ok := t.Data.([]float32); !ok {
			return a
		}
	}
	m := mix(a, b, rng, func(share, x, y float32) float32 {
		if rng.Float32() < share {
			return x
		}
		return y
	})
	if m == nil {
		return a
	}
	return m
}

// mix pairs the samples of two batches at random; nil when they are not of one size.
func mix(a, b *dataset.Batch, rng *rand.Rand, blend func(share, x, y float32) float32) *dataset.Batch {
	if a.N != b.N {
		return nil
	}
	order, share := rng.Perm(a.N), make([]float32, a.N)
	for i := range share {
		share[i] = rng.Float32()
	}
	out := &dataset.Batch{N: a.N, Inputs: map[string]*onnxgraph.Tensor{}}
	for name, t := range a.Inputs {
		x, y := t.Data.([]float32), b.Inputs[name].Data.([]float32)
		if len(t.Shape) == 0 || t.Shape[0] != a.N || len(x) != len(y) || !slices.Equal(t.Shape, b.Inputs[name].Shape) {
			out.Inputs[name] = t // one for all samples
			continue
		}
		z, per := make([]float32, len(x)), len(x)/a.N
		for i := range a.N {
			for k := range per {
				z[i*per+k] = blend(share[i], x[i*per+k], y[order[i]*per+k])
			}
		}
		out.Inputs[name] = &onnxgraph.Tensor{Type: t.Type, Shape: t.Shape, Data: z}
	}
	return out
}
