package eval

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resampler draws, for each sample in turn, how often it stands in each
// bootstrap replicate: a Poisson number of mean 1. That is the bootstrap for
// data read once from a stream, see Chamandy et al. 2012, "Estimating
// uncertainty for massive data streams". All models of a pass share the draws.
type resampler struct {
	rng     *rand.PCG
	weights []uint8
}

// poisson maps 16 random bits to a Poisson number of mean 1.
var poisson = func() (table [1 << 16]uint8) {
	at, k, p := 0, uint8(0), math.Exp(-1)
	for sum := p; at < len(table); sum += p {
		for ; at < len(table) && float64(at) < sum*(1<<16); at++ {
			table[at] = k
		}
		k++
		p /= float64(k)
	}
	return table
}()

func newResampler(replicates int, seed uint64) *resampler {
	return &resampler{rand.NewPCG(seed, 0x626f6f7473747261), make([]uint8, replicates)}
}

// next draws the weights of the next sample. They are valid until the next call.
func (r *resampler) next() []uint8 {
	var bits uint64
	for i := range r.weights {
		if i%4 == 0 {
			bits = r.rng.Uint64()
		}
		r.weights[i] = poisson[uint16(bits)]
		bits >>= 16
	}
	return r.weights
}

// replicates are the bootstrap replicates of a model's loss and accuracy.
type replicates []replicate

// replicate holds weighted sums over labels.
type replicate struct{ labels, loss, hits float64 }

// add counts a sample: the sums over its labels, and their number.
func (r *replicates) add(labels int, loss, hits float64, weights []uint8) {
	if *r == nil {
		*r = make(replicates, len(weights))
	}
	for i, w := range weights {
		at, w := &(*r)[i], float64(w)
		at.labels += w * float64(labels)
		at.loss += w * loss
		at.hits += w * hits
	}
}

// interval gives the 2.5 and 97.5 percentiles over the replicates of the mean of
// one of the sums.
func (r replicates) interval(sum func(replicate) float64) Interval {
	var means []float64
	for _, one := range r {
		if one.labels > 0 {
			means = append(means, sum(one)/one.labels)
		}
	}
	return intervalOf(means)
}

// intervalOf gives the 2.5 and 97.5 percentiles of numbers, which it sorts, NaN
// left out; zero for none.
func intervalOf(numbers []float64) Interval {
	numbers = slices.DeleteFunc(numbers, math.IsNaN)
	if len(numbers) == 0 {
		return Interval{}
	}
	slices.Sort(numbers)
	at := func(q float64) float64 { return numbers[int(math.Round(q*float64(len(numbers)-1)))] }
	return Interval{at(0.025), at(0.975)}
}
