package eval

import (
	"math/rand/v2"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxJittered bounds the bytes of weights that are copied to measure noise, and
// minJittered the elements: short ones may be sizes and scales, which decide
// more than rounding does.
const (
	maxJittered = 1 << 29
	minJittered = 16
)

// jittered is the model with the last bit of every number but zero in its
// float32 and float64 weights drawn anew. Its outputs are off by about what
// other orders of summation do: n terms off by half a unit in the last place
// each move their sum as n roundings do.
//
// It is nil for models whose weights are mostly of other types, where that says
// nothing, and for very large ones.
func jittered(m *onnxgraph.Model, seed uint64) *onnxgraph.Model {
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	fine, all := int64(0), int64(0)
	for i, w := range m.Weights() {
		bytes := w.Elements() * int64(w.Type.Size())
		if w.Type.IsFloat() || w.Type == onnxgraph.Int8 || w.Type == onnxgraph.Uint8 {
			all += bytes
		}
		if !isJittered(w) {
			continue
		}
		fine += bytes
		contents[w] = func() ([]byte, error) {
			data, err := m.Bytes(w)
			if err != nil {
				return nil, err
			}
			return flipped(data, w.Type.Size(), rand.NewPCG(seed, uint64(i))), nil
		}
	}
	if fine == 0 || fine > maxJittered || fine < all/2 {
		return nil
	}
	return m.With(contents)
}

func isJittered(w *onnxgraph.Weight) bool {
	return (w.Type == onnxgraph.Float32 || w.Type == onnxgraph.Float64) && w.Elements() >= minJittered && w.Replaceable()
}

// deafness is how little, in relation to a value, other last bits of the weights
// move it when it hardly depends on them: a 256th of half a unit in the last
// place of the coarsest of them. It is 0 where that says nothing: when no
// jittered weights lead to the value, or it has fewer digits than they.
func deafness(v *onnxgraph.Value) float64 {
	r := newReach()
	r.value(v)
	coarsest := 0.0
	for w := range r.weights {
		switch {
		case isJittered(w) && w.Type == onnxgraph.Float32:
			coarsest = 0x1p-32
		case isJittered(w):
			coarsest = max(coarsest, 0x1p-61)
		}
	}
	if v.Type == onnxgraph.Float64 || v.Type == onnxgraph.Float32 && coarsest == 0x1p-32 {
		return coarsest
	}
	return 0
}

// flipped draws the lowest bit of each little-endian number of the given size
// that is not zero.
func flipped(data []byte, size int, rng *rand.PCG) []byte {
	out := append([]byte(nil), data...)
	for at := 0; at+size <= len(out); at += size {
		zero := out[at+size-1]&0x7f == 0
		for _, b := range out[at : at+size-1] {
			zero = zero && b == 0
		}
		if !zero {
			out[at] ^= byte(rng.Uint64() & 1)
		}
	}
	return out
}
