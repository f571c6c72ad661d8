package rebasin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// NonFiniteError names the first number of a weight that is none, or infinite.
// What is averaged with it is lost, and no distance to it can be told.
type NonFiniteError struct {
	Model  string // title of the model
	Weight string
	Index  []int64 // of the element
	Value  float64
}

func (e *NonFiniteError) Error() string {
	value := "infinite"
	if math.IsNaN(e.Value) {
		value = "not a number"
	}
	return fmt.Sprintf("%s: weight %q is %s at %v", e.Model, e.Weight, value, e.Index)
}

// nonfinite finds the weights of the first model that hold, in any of the models,
// a number that is none, or an infinite one that is not in all models at that
// place, as masks are. There are pairs for every model but the first. It is an
// error, a *NonFiniteError, unless they are allowed. Cost: one pass over the
// weights.
func nonfinite(models []*onnxgraph.Model, pairs []*onnxgraph.Correspondence, allowed bool) (map[*onnxgraph.Weight]bool, error) {
	all := models[0].Weights()
	errs := make([]error, len(all))
	parallel.For(runtime.GOMAXPROCS(0), len(all), func(k int) {
		if w := all[k]; w.Type.IsFloat() {
			weights := []*onnxgraph.Weight{w}
			for _, p := range pairs {
				weights = append(weights, p.Weights[w])
			}
			errs[k] = checkWeight(models, weights)
		}
	})
	found := map[*onnxgraph.Weight]bool{}
	for k, err := range errs {
		var refused *NonFiniteError
		if errors.As(err, &refused) && allowed {
			found[all[k]] = true
		} else if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// unmatched reports the weights that say nothing of which unit is which: running
// statistics, and those that hold numbers which are none.
func unmatched(m *onnxgraph.Model, nonfinite map[*onnxgraph.Weight]bool) func(*onnxgraph.Weight) bool {
	kept := statistics(m)
	return func(w *onnxgraph.Weight) bool { return kept(w) || nonfinite[w] }
}

// checkWeight checks one weight, given as it is in each model, nil where it has
// no counterpart.
func checkWeight(models []*onnxgraph.Model, weights []*onnxgraph.Weight) error {
	data := make([][]byte, len(weights))
	for k, w := range weights {
		if w == nil || !w.Type.IsFloat() {
			continue
		}
		var err error
		if data[k], err = models[k].Bytes(w); err != nil {
			return err
		}
		defer models[k].Forget(data[k])
	}
	for k, w := range weights {
		for i := range special(w, data[k]) {
			x := element(w.Type, data[k], i)
			if math.IsInf(x, 0) && everywhere(x, i, weights, data) {
				continue
			}
			return &NonFiniteError{title(models, k), w.Name, indexOf(i, w.Shape), x}
		}
	}
	return nil
}

// everywhere reports whether element i is x in all models that have it.
func everywhere(x float64, i int, weights []*onnxgraph.Weight, data [][]byte) bool {
	for k, w := range weights {
		if data[k] == nil {
			continue
		}
		if at := (i + 1) * w.Type.Size(); at > len(data[k]) || element(w.Type, data[k], i) != x {
			return false
		}
	}
	return true
}

// special yields the elements of a weight's bytes that are not finite: those whose
// exponent has all bits set.
func special(w *onnxgraph.Weight, data []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		if data == nil {
			return
		}
		size, le := w.Type.Size(), binary.LittleEndian
		for i := 0; (i+1)*size <= len(data); i++ {
			if size == 4 && (i+8)*size <= len(data) && finite((*[32]byte)(data[i*size:])) {
				i += 7 // mostly: eight at a time
				continue
			}
			found := false
			switch b := data[i*size:]; w.Type {
			case onnxgraph.Float64:
				found = le.Uint64(b)<<1>>53 == 1<<11-1
			case onnxgraph.Float16:
				found = le.Uint16(b)<<1>>11 == 1<<5-1
			default: // float32, and bfloat16, which is its upper half
				found = (b[size-1]&0x7f == 0x7f) && b[size-2]&0x80 != 0
			}
			if found && !yield(i) {
				return
			}
		}
	}
}

// finite reports whether eight float32 numbers are finite: adding one to an exponent
// of all ones carries into the sign's place.
func finite(b *[32]byte) bool {
	carry := func(v uint64) uint64 { return (v & 0x7f80_0000_7f80_0000) + 0x0080_0000_0080_0000 }
	le := binary.LittleEndian
	all := carry(le.Uint64(b[:])) | carry(le.Uint64(b[8:])) | carry(le.Uint64(b[16:])) | carry(le.Uint64(b[24:]))
	return all&0x8000_0000_8000_0000 == 0
}

// element is element i of a weight's bytes.
func element(t onnxgraph.DataType, data []byte, i int) float64 {
	le := binary.LittleEndian
	switch b := data[i*t.Size():]; t {
	case onnxgraph.Float64:
		return math.Float64frombits(le.Uint64(b))
	case onnxgraph.Float32:
		return float64(math.Float32frombits(le.Uint32(b)))
	case onnxgraph.BFloat16:
		return float64(half.BFloat16(le.Uint16(b)))
	default:
		return float64(half.Float16(le.Uint16(b)))
	}
}

// indexOf is the place of element i in a tensor of a shape.
func indexOf(i int, shape []int64) []int64 {
	out := make([]int64, len(shape))
	rest := int64(i)
	for k := len(shape) - 1; k >= 0; k-- {
		out[k] = rest % shape[k]
		rest /= shape[k]
	}
	return out
}

// Overflow counts the numbers of one weight that are too large for its type.
type Overflow struct {
	Weight string `json:"weight"`
	Type   string `json:"type"`
	Count  int    `json:"count"`
}

// overflows lists the 16-bit weights of a merged model that hold infinite
// numbers where the model they are written in place of has finite ones. Cost: the
// 16-bit weights are computed once more than they are written.
func overflows(merged, first *onnxgraph.Model) ([]Overflow, error) {
	var out []Overflow
	origin := map[string]*onnxgraph.Weight{}
	for _, w := range first.Weights() {
		origin[w.Name] = w
	}
	for _, w := range merged.Weights() {
		from := origin[w.Name]
		if from == nil || !slices.Equal(from.Shape, w.Shape) || from.Type != w.Type || w.Type.Size() != 2 || !w.Type.IsFloat() {
			continue
		}
		got, err := merged.Bytes(w)
		if err != nil {
			return nil, err
		}
		was, err := first.Bytes(from)
		if err != nil {
			return nil, err
		}
		n := 0
		for i := range special(w, got) {
			if x := element(w.Type, was, i); !math.IsInf(x, 0) && !math.IsNaN(x) {
				n++
			}
		}
		if n > 0 {
			out = append(out, Overflow{w.Name, w.Type.String(), n})
		}
	}
	return out, nil
}

// overflowHints says what overflowed.
func overflowHints(list []Overflow) []string {
	var out []string
	for _, o := range list {
		noun, were := "number", "is"
		if o.Count > 1 {
			noun, were = "numbers", "are"
		}
		out = append(out, fmt.Sprintf("%d %s of weight %q %s too large for %s and became infinite", o.Count, noun, o.Weight, were, o.Type))
	}
	return out
}
