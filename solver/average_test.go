package solver

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

var elementTypes = []onnxgraph.DataType{onnxgraph.Float32, onnxgraph.Float64, onnxgraph.Float16, onnxgraph.BFloat16, onnxgraph.Int64}

// numbersModel is a model with a weight of n numbers in each element type.
func numbersModel(t *testing.T, n int, rng *rand.Rand) *onnxgraph.Model {
	t.Helper()
	g := &onnxpb.GraphProto{Name: proto.String("numbers")}
	for _, typ := range elementTypes {
		raw := make([]byte, 0, n*typ.Size())
		for range n {
			raw = appendNumber(raw, typ, rng.NormFloat64())
		}
		g.Initializer = append(g.Initializer, &onnxpb.TensorProto{
			Name: proto.String(typ.String()), DataType: proto.Int32(int32(typ)), Dims: []int64{int64(n)}, RawData: raw})
	}
	return onnxtest.Parse(t, &onnxpb.ModelProto{IrVersion: proto.Int64(9), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(18)}}})
}

func appendNumber(raw []byte, t onnxgraph.DataType, x float64) []byte {
	le := binary.LittleEndian
	switch t {
	case onnxgraph.Float32:
		return le.AppendUint32(raw, math.Float32bits(float32(x)))
	case onnxgraph.Float64:
		return le.AppendUint64(raw, math.Float64bits(x))
	case onnxgraph.Float16:
		return le.AppendUint16(raw, half.ToFloat16(float32(x)))
	case onnxgraph.BFloat16:
		return le.AppendUint16(raw, half.ToBFloat16(float32(x)))
	}
	return le.AppendUint64(raw, uint64(int64(100*x)))
}

// byName is the counterpart in m.
func byName(m *onnxgraph.Model) Counterpart {
	all := map[string]*onnxgraph.Weight{}
	for _, w := range m.Weights() {
		all[w.Name] = w
	}
	return func(w *onnxgraph.Weight) *onnxgraph.Weight { return all[w.Name] }
}

func read(t *testing.T, m *onnxgraph.Model, w *onnxgraph.Weight) []byte {
	t.Helper()
	raw, err := m.Bytes(w)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestLerpEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := numbersModel(t, 100, rng), numbersModel(t, 100, rng)
	for _, lambda := range []float64{0, 1} {
		m, err := Lerp(a, b, byName(b), lambda)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range a.Weights() {
			want := read(t, a, w)
			if lambda == 1 && w.Type.IsFloat() {
				want = read(t, b, byName(b).of(w))
			}
			if !bytes.Equal(read(t, m, w), want) {
				t.Errorf("λ = %v: %v is not that of the end", lambda, w.Type)
			}
		}
	}
}

func TestLerp(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n = 70000 // more than one chunk
	a, b := numbersModel(t, n, rng), numbersModel(t, n, rng)
	for _, lambda := range []float64{0.5, 0.1, -1, 2.5} {
		m, err := Lerp(a, b, byName(b), lambda)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range a.Weights() {
			got, _ := m.Float64s(w)
			x, _ := a.Float64s(w)
			y, _ := b.Float64s(byName(b).of(w))
			for i := range got {
				want := (1-lambda)*x[i] + lambda*y[i]
				switch w.Type {
				case onnxgraph.Float32:
					want = float64(float32(want))
				case onnxgraph.Float16:
					want = float64(half.Float16(half.ToFloat16(float32(1-lambda)*float32(x[i]) + float32(lambda)*float32(y[i]))))
				case onnxgraph.BFloat16:
					want = float64(half.BFloat16(half.ToBFloat16(float32(1-lambda)*float32(x[i]) + float32(lambda)*float32(y[i]))))
				case onnxgraph.Int64:
					want = x[i]
				}
				if got[i] != want {
					t.Fatalf("λ = %v: %v element %d is %v, want %v", lambda, w.Type, i, got[i], want)
				}
			}
		}
	}
}

// TestLerpAgrees holds elements of the same bits to keep them, whatever λ.
func TestLerpAgrees(t *testing.T) {
	a := numbersModel(t, 1000, rand.New(rand.NewPCG(3, 3)))
	for _, lambda := range []float64{0.1, 1.0 / 3, 0.7, 5} {
		m, err := Lerp(a, a, nil, lambda)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range a.Weights() {
			if !bytes.Equal(read(t, m, w), read(t, a, w)) {
				t.Errorf("λ = %v: %v changed", lambda, w.Type)
			}
		}
	}
}

func TestAverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	a, b, c := numbersModel(t, 50, rng), numbersModel(t, 50, rng), numbersModel(t, 50, rng)
	m, err := Average([]*onnxgraph.Model{a, b, c}, []Counterpart{nil, byName(b), byName(c)}, []float64{1, 2, 5})
	if err != nil {
		t.Fatal(err)
	}
	w := a.Weights()[1]
	got, _ := m.Float64s(w)
	x, _ := a.Float64s(w)
	y, _ := b.Float64s(byName(b).of(w))
	z, _ := c.Float64s(byName(c).of(w))
	for i := range got {
		if want := (x[i] + 2*y[i] + 5*z[i]) / 8; math.Abs(got[i]-want) > 1e-15 {
			t.Fatalf("element %d is %v, want %v", i, got[i], want)
		}
	}
	same, err := Average([]*onnxgraph.Model{a, a, a}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, same, w), read(t, a, w)) {
		t.Error("the mean of one model is another")
	}
}

func TestAverageRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	a, b := numbersModel(t, 10, rng), numbersModel(t, 11, rng)
	two := []*onnxgraph.Model{a, a}
	for want, call := range map[string]func() (*onnxgraph.Model, error){
		`weight "float32" is float32[10], its counterpart "float32" of model 2 is float32[11]`: func() (*onnxgraph.Model, error) { return Lerp(a, b, byName(b), 0.5) },
		"a model's part is NaN":     func() (*onnxgraph.Model, error) { return Lerp(a, a, nil, math.NaN()) },
		"no models":                 func() (*onnxgraph.Model, error) { return Average(nil, nil, nil) },
		"sum to 0":                  func() (*onnxgraph.Model, error) { return Average(two, nil, []float64{1, -1}) },
		"counterparts and 1 weight": func() (*onnxgraph.Model, error) { return Average(two, nil, []float64{1}) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Blend is Lerp with each weight's own λ, bit for bit.
func TestBlend(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := numbersModel(t, 50, rng), numbersModel(t, 50, rng)
	fit := func(w *onnxgraph.Weight) float64 { return float64(len(w.Name)) / 8 }
	blend, err := Blend(a, b, byName(b), fit)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range a.Weights() {
		one, err := Lerp(a, b, byName(b), fit(w))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := one.Bytes(w)
		if got, err := blend.Bytes(w); err != nil || !bytes.Equal(got, want) {
			t.Errorf("weight %q is not that of λ = %v: %v", w.Name, fit(w), err)
		}
	}
}
