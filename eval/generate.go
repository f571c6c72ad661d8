package eval

import (
	"fmt"
	"math/rand/v2"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// style is a distribution of the elements of floating-point inputs.
type style struct {
	name   string
	number func(r *rand.Rand) float64
}

// styles begin with the usualStyles, which are always tried, in turn: a network
// may saturate on larger inputs and drown smaller ones in its biases. The others
// follow while outputs tell too little.
var styles = []style{
	{"standard normal", func(r *rand.Rand) float64 { return r.NormFloat64() }},
	{"uniform in [0, 1]", func(r *rand.Rand) float64 { return r.Float64() }},
	{"normal of scale 0.1", func(r *rand.Rand) float64 { return 0.1 * r.NormFloat64() }},
	{"normal of scale 0.01", func(r *rand.Rand) float64 { return 0.01 * r.NormFloat64() }},
	{"normal of scale 10", func(r *rand.Rand) float64 { return 10 * r.NormFloat64() }},
	{"uniform in [0, 255]", func(r *rand.Rand) float64 { return 255 * r.Float64() }},
	{"normal of scale 1000", func(r *rand.Rand) float64 { return 1000 * r.NormFloat64() }},
}

const usualStyles = 4

// The numbers of inputs that are tried, when nothing else is asked for: of large
// ones, of others, and of those that cost next to nothing.
const (
	fewSamples   = 3
	someSamples  = 5
	cheapSamples = 10
)

// sample draws one set of inputs. Draw k goes through the choices of controls,
// so that several samples see all of them, and on through the indices: none
// comes twice before all have come.
func (p *plan) sample(seed uint64, k int, s style) (map[string]*onnxgraph.Tensor, error) {
	rng := rand.New(rand.NewPCG(seed, uint64(k)))
	out := make(map[string]*onnxgraph.Tensor, len(p.inputs))
	for i, in := range p.inputs {
		in.shuffle(seed, i, k)
		t, err := in.draw(rng, k, s)
		if err != nil {
			return nil, err
		}
		out[in.value.Name] = t
	}
	return out, nil
}

func (in *planned) draw(rng *rand.Rand, k int, s style) (*onnxgraph.Tensor, error) {
	n := 1
	for _, d := range in.shape {
		n *= d
		if n > 1<<28 {
			return nil, fmt.Errorf("eval: an input as large as %s is not generated", in)
		}
	}
	next := func() float64 { return in.number(rng, k, s) }
	t := &onnxgraph.Tensor{Type: in.value.Type, Shape: in.shape}
	switch t.Type {
	case onnxgraph.Float32:
		t.Data = drawn(n, func() float32 { return float32(next()) })
	case onnxgraph.Float64:
		t.Data = drawn(n, next)
	case onnxgraph.Float16:
		t.Data = drawn(n, func() uint16 { return half.ToFloat16(float32(next())) })
	case onnxgraph.BFloat16:
		t.Data = drawn(n, func() uint16 { return half.ToBFloat16(float32(next())) })
	case onnxgraph.Int8:
		t.Data = drawn(n, func() int8 { return int8(next()) })
	case onnxgraph.Int16:
		t.Data = drawn(n, func() int16 { return int16(next()) })
	case onnxgraph.Int32:
		t.Data = drawn(n, func() int32 { return int32(next()) })
	case onnxgraph.Int64:
		t.Data = drawn(n, func() int64 { return int64(next()) })
	case onnxgraph.Uint8:
		t.Data = drawn(n, func() uint8 { return uint8(next()) })
	case onnxgraph.Uint16:
		t.Data = drawn(n, func() uint16 { return uint16(next()) })
	case onnxgraph.Uint32:
		t.Data = drawn(n, func() uint32 { return uint32(next()) })
	case onnxgraph.Uint64:
		t.Data = drawn(n, func() uint64 { return uint64(next()) })
	case onnxgraph.Bool:
		t.Data = drawn(n, func() bool { return next() != 0 })
	default:
		return nil, fmt.Errorf("eval: input %q takes %v, which cannot be generated; check the models on data", in.value.Name, t.Type)
	}
	return t, nil
}

func drawn[T any](n int, next func() T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

// number draws one element.
func (in *planned) number(rng *rand.Rand, k int, s style) float64 {
	t := in.value.Type
	switch {
	case in.spec.Value != nil:
		return *in.spec.Value
	case in.spec.High > in.spec.Low && t.IsFloat():
		return in.spec.Low + (in.spec.High-in.spec.Low)*rng.Float64()
	case in.spec.High > in.spec.Low:
		return in.spec.Low + float64(rng.Int64N(int64(in.spec.High-in.spec.Low)+1))
	case in.role.kind == roleIndices:
		return float64(in.deal())
	case in.role.kind == roleControls:
		return in.role.choices[k%len(in.role.choices)]
	}
	switch t {
	case onnxgraph.Bool:
		return float64(rng.IntN(2))
	case onnxgraph.Uint8, onnxgraph.Uint16:
		return float64(rng.IntN(256))
	case onnxgraph.Int8, onnxgraph.Int16:
		return float64(rng.IntN(256) - 128)
	}
	return s.number(rng)
}

// shuffle lays the indices out that draw k takes, those after what the draws
// before it have taken. Beyond maxDeck indices they are drawn independently.
func (in *planned) shuffle(seed uint64, input, k int) {
	if in.role.kind != roleIndices {
		return
	}
	in.rng = rand.New(rand.NewPCG(seed, uint64(input)<<32|uint64(k)))
	in.seed, in.deck, in.next = seed^uint64(input)<<32, nil, k*in.elements()
}

// deal gives the next index: each once, in random order, then again in another.
func (in *planned) deal() int64 {
	n := int(in.role.below)
	if n > maxDeck {
		return in.rng.Int64N(in.role.below)
	}
	if in.deck == nil || in.next%n == 0 {
		in.deck = rand.New(rand.NewPCG(in.seed, uint64(in.next/n))).Perm(n)
	}
	in.next++
	return int64(in.deck[(in.next-1)%n])
}

const maxDeck = 1 << 20

// elements counts the elements of the input, up to 2⁴⁰.
func (in *planned) elements() int {
	n := 1
	for _, d := range in.shape {
		n = min(n*max(d, 1), 1<<40)
	}
	return n
}

// undealt reports whether there are indices that no draw before k has dealt.
func (p *plan) undealt(k int) bool {
	for _, in := range p.inputs {
		if in.role.kind == roleIndices && in.spec.Value == nil && in.spec.High <= in.spec.Low && k*in.elements() < int(in.role.below) {
			return true
		}
	}
	return false
}

// dealt says how many indices k draws have not come to, "" when they have come to all.
func (p *plan) dealt(k int) string {
	out := ""
	for _, in := range p.inputs {
		if n := k * in.elements(); in.role.kind == roleIndices && in.spec.Value == nil && in.spec.High <= in.spec.Low && n < int(in.role.below) {
			out += fmt.Sprintf("; %s had %d of its %d values", in.value.Name, n, in.role.below)
		}
	}
	return out
}
