package permspec_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/opcase"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// trial is one model, its outputs on random inputs, and how far they move when
// it rounds otherwise.
type trial struct {
	*testing.T
	model  *onnxgraph.Model
	spec   *permspec.Spec
	open   func(*onnxgraph.Model) (session, error)
	inputs map[string]*onnxgraph.Tensor
	want   map[string][]float64
	noise  map[string]float64 // the largest change of each output
}

func newTrial(t *testing.T, path string, run []string) *trial {
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	spec, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{T: t, model: m, spec: spec}
	r.inputs = r.feeds(run)
	return r
}

// on runs the model on a backend.
func (r *trial) on(backend string) error {
	var err error
	r.open, r.noise = backends[backend], map[string]float64{}
	if r.want, err = r.outputs(r.model); err != nil {
		return err
	}
	for seed := range uint64(2) {
		for name, d := range r.distance(r.jiggled(seed)) {
			r.noise[name] = max(r.noise[name], d)
		}
	}
	return nil
}

// feeds makes random inputs.
func (r *trial) feeds(run []string) map[string]*onnxgraph.Tensor {
	set, val, limit := map[string]string{}, map[string]float64{}, 2
	for i := 0; i+1 < len(run); i += 2 {
		name, v, _ := strings.Cut(run[i+1], "=")
		switch run[i] {
		case "--set":
			set[name] = v
		case "--val":
			val[name], _ = strconv.ParseFloat(v, 64)
		case "--ints":
			limit, _ = strconv.Atoi(name)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range r.model.Graph.Inputs {
		shape := []int{}
		n := 1
		for _, d := range v.Declared {
			size := 2
			if k, ok := d.Known(); ok {
				size = int(k)
			}
			shape, n = append(shape, size), n*size
		}
		if s, ok := set[v.Name]; ok {
			shape, n = shape[:0], 1
			for _, d := range opcase.Dims(s) {
				shape, n = append(shape, int(d)), n*int(d)
			}
		}
		x, given := val[v.Name]
		out[v.Name] = &onnxgraph.Tensor{Type: v.Type, Shape: shape, Data: r.data(v, n, func() float64 {
			switch {
			case given:
				return x
			case v.Type.IsFloat():
				return rng.NormFloat64()
			}
			return float64(rng.IntN(limit))
		})}
	}
	return out
}

func (r *trial) data(v *onnxgraph.Value, n int, next func() float64) any {
	switch v.Type {
	case onnxgraph.Float32:
		return filled(n, func() float32 { return float32(next()) })
	case onnxgraph.Float64:
		return filled(n, next)
	case onnxgraph.Float16:
		return filled(n, func() uint16 { return half.ToFloat16(float32(next())) })
	case onnxgraph.Int64:
		return filled(n, func() int64 { return int64(next()) })
	case onnxgraph.Int32:
		return filled(n, func() int32 { return int32(next()) })
	case onnxgraph.Uint8:
		return filled(n, func() uint8 { return uint8(next() * 100) })
	case onnxgraph.Int8:
		return filled(n, func() int8 { return int8(next() * 100) })
	case onnxgraph.Bool:
		return filled(n, func() bool { return next() > 0 })
	}
	r.Skipf("input %q is of type %v", v.Name, v.Type)
	return nil
}

func filled[E any](n int, next func() E) []E {
	out := make([]E, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

// outputs runs m.
func (r *trial) outputs(m *onnxgraph.Model) (map[string][]float64, error) {
	s, err := r.open(m)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	got, err := s.Run(context.Background(), r.inputs, nil)
	if err != nil {
		return nil, err
	}
	out := map[string][]float64{}
	for name, x := range got {
		switch data := x.Data.(type) {
		case []string:
		case []uint16:
			out[name] = make([]float64, len(data))
			for i, h := range data {
				out[name][i] = float64(half.Float16(h))
			}
		default:
			out[name] = numbers(x.Type, raw(x))
		}
	}
	return out, nil
}

// distance is how far each output of m is from the model's own.
func (r *trial) distance(m *onnxgraph.Model) map[string]float64 {
	r.Helper()
	got, err := r.outputs(m)
	if err != nil {
		r.Fatal(err)
	}
	out := map[string]float64{}
	for name, want := range r.want {
		if len(got[name]) != len(want) {
			out[name] = math.Inf(1)
			continue
		}
		for i, x := range want {
			y := got[name][i]
			if x == y || math.IsNaN(x) && math.IsNaN(y) {
				continue
			}
			d := math.Abs(x - y)
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			out[name] = max(out[name], d)
		}
	}
	return out
}
