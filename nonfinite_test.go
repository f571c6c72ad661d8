package rebasin_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// numbersModel is y = x·w with a 2×3 weight of a type.
func numbersModel(t *testing.T, kind onnxgraph.DataType, x ...float64) *onnxgraph.Model {
	t.Helper()
	w := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(int32(kind)), Dims: []int64{2, 3}}
	for _, v := range x {
		switch kind {
		case onnxgraph.Float64:
			w.RawData = binary.LittleEndian.AppendUint64(w.RawData, math.Float64bits(v))
		case onnxgraph.Float16:
			w.RawData = binary.LittleEndian.AppendUint16(w.RawData, half.ToFloat16(float32(v)))
		case onnxgraph.BFloat16:
			w.RawData = binary.LittleEndian.AppendUint16(w.RawData, half.ToBFloat16(float32(v)))
		default:
			w.RawData = binary.LittleEndian.AppendUint32(w.RawData, math.Float32bits(float32(v)))
		}
	}
	value := func(name string) *onnxpb.ValueInfoProto { return &onnxpb.ValueInfoProto{Name: &name} }
	return onnxtest.Parse(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"), Initializer: []*onnxpb.TensorProto{w},
			Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value("y")},
			Node: []*onnxpb.NodeProto{{OpType: proto.String("MatMul"), Input: []string{"x", "w"}, Output: []string{"y"}}}},
	})
}

// merged are the numbers of (1-λ)A + λB.
func merged(t *testing.T, a, b *onnxgraph.Model, opts rebasin.Options) (*rebasin.Merged, []float64, error) {
	t.Helper()
	opts.NoVerify, opts.Match = true, solver.Options{Starts: 1}
	m, err := rebasin.Merge(t.Context(), a, b, opts)
	if err != nil {
		return nil, nil, err
	}
	x, err := m.Model.Float64s(m.Model.Weights()[0])
	if err != nil {
		t.Fatal(err)
	}
	return m, x, nil
}

// A number that is none is named and refused, in either model and every type,
// and so is an infinite one, but for masks, which all models have.
func TestNonFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := []float64{1, 2, 3, 4, 5, 6}
	for _, kind := range []onnxgraph.DataType{onnxgraph.Float32, onnxgraph.Float64, onnxgraph.Float16, onnxgraph.BFloat16} {
		for _, c := range []struct {
			a, b []float64
			want string
		}{
			{good, []float64{1, 2, 3, 4, nan, 6}, `model 2: weight "w" is not a number at [1 1]`},
			{good, []float64{1, nan, 3, 4, 5, 6}, `model 2: weight "w" is not a number at [0 1]`},
			{[]float64{1, 2, -inf, 4, 5, 6}, []float64{1, 2, -inf, nan, 5, 6}, `model 2: weight "w" is not a number at [1 0]`}, // beside a mask
			{[]float64{1, 2, inf, 4, 5, nan}, good, `model 1: weight "w" is infinite at [0 2]`},
			{[]float64{1, 2, -inf, 4, 5, 6}, []float64{1, 2, inf, 4, 5, 6}, `model 1: weight "w" is infinite at [0 2]`},
			{[]float64{1, 2, 3, 4, 5, nan}, []float64{1, 2, 3, 4, 5, nan}, `model 1: weight "w" is not a number at [1 2]`},
			{[]float64{-inf, 2, 3, 4, 5, 6}, []float64{-inf, 8, 3, 4, 5, 6}, ""},
		} {
			a, b := numbersModel(t, kind, c.a...), numbersModel(t, kind, c.b...)
			_, _, err := merged(t, a, b, rebasin.Options{Lambda: 0.5})
			var refused *rebasin.NonFiniteError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &refused) || err.Error() != c.want) {
				t.Errorf("%v, %v and %v: %v, want %q", kind, c.a, c.b, err, c.want)
			}
			_, err = rebasin.MergeMany(t.Context(), []*onnxgraph.Model{a, b}, rebasin.ManyOptions{Options: rebasin.Options{NoVerify: true}})
			if c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("%v, many: %v, want %q", kind, err, c.want)
			}
			if _, x, err := merged(t, a, b, rebasin.Options{Lambda: 0.5, AllowNonfinite: true}); err != nil || len(x) != 6 {
				t.Errorf("%v, allowed: %v", kind, err)
			}
		}
	}
}

// What does not fit into 16 bits is counted and told.
func TestOverflow(t *testing.T) {
	a := numbersModel(t, onnxgraph.Float16, 60000, 1, 60000, 1, 1, 1)
	b := numbersModel(t, onnxgraph.Float16, -60000, 1, 60000, 1, -60000, 2)
	m, x, err := merged(t, a, b, rebasin.Options{Lambda: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Overflows) != 1 || m.Overflows[0] != (rebasin.Overflow{Weight: "w", Type: "float16", Count: 2}) {
		t.Errorf("overflows %v of %v", m.Overflows, x)
	}
	found := false
	for _, h := range m.Hints() {
		found = found || h == `2 numbers of weight "w" are too large for float16 and became infinite`
	}
	if !found {
		t.Errorf("hints %q do not tell", m.Hints())
	}
	if m, _, err = merged(t, a, b, rebasin.Options{Lambda: 0.5}); err != nil || m.Overflows != nil {
		t.Errorf("overflows %v, %v where nothing does", m.Overflows, err)
	}
}

// Numbers below the smallest normal one are averaged like others.
func TestDenormals(t *testing.T) {
	for kind, tiny := range map[onnxgraph.DataType]float64{
		onnxgraph.Float64: 5e-324, onnxgraph.Float32: 0x1p-149, onnxgraph.Float16: 0x1p-24, onnxgraph.BFloat16: 0x1p-133,
	} {
		a := numbersModel(t, kind, tiny, 2*tiny, 4*tiny, -6*tiny, 0, 100*tiny)
		b := numbersModel(t, kind, tiny, 4*tiny, 2*tiny, -2*tiny, 2*tiny, 50*tiny)
		_, x, err := merged(t, a, b, rebasin.Options{Lambda: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{tiny, 3 * tiny, 3 * tiny, -4 * tiny, tiny, 75 * tiny} {
			if x[i] != want {
				t.Errorf("%v: element %d is %v, want %v", kind, i, x[i], want)
			}
		}
	}
}
