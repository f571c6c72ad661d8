package eval

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxJittered bounds the bytes of weights that are copied to measure noise, and
// minJittered the elements: short ones may be sizes and scales, which decide
// more than rounding does.
const (
	maxJittered = 1 << 29
	minJittered = 16
)

// jittered is the model with the last bit of the numbers in its float32 and
// float64 weights drawn anew. Its outputs are off by about what
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

// flipped draws the lowest bit of each little-endian number of the given size, but of
// those that are zero or not finite, as in masks. What counts up by one, as positions do,
// stays as it is: it may be compared, and is exact.
func flipped(data []byte, size int, rng *rand.PCG) []byte {
	out := slices.Clone(data)
	if countsUp(data, size) {
		return out
	}
	for at := 0; at+size <= len(out); at += size {
		if x := number(out[at:], size); x != 0 && !math.IsInf(x, 0) && !math.IsNaN(x) {
			out[at] ^= byte(rng.Uint64() & 1)
		}
	}
	return out
}

func countsUp(data []byte, size int) bool {
	for at := size; at+size <= len(data); at += size {
		if number(data[at:], size) != number(data[at-size:], size)+1 {
			return false
		}
	}
	return true
}

// number is the first little-endian float32 or float64 of the data.
func number(data []byte, size int) float64 {
	if size == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(data))
}
