package ort

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// node writes a node: "Add a b -> c".
func node(text string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	words, outputs, _ := strings.Cut(text, "->")
	in := strings.Fields(words)
	return &onnxpb.NodeProto{OpType: &in[0], Input: in[1:], Output: strings.Fields(outputs), Attribute: attrs}
}

// value declares an input or output of one type and free shape.
func value(name string, dtype onnxgraph.DataType) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype))}}}}
}

// model makes a model of a graph with input x and output y.
func model(t testing.TB, in, out onnxgraph.DataType, nodes ...*onnxpb.NodeProto) *onnxgraph.Model {
	t.Helper()
	return onnxtest.Parse(t, &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"), Node: nodes,
			Input: []*onnxpb.ValueInfoProto{value("x", in)}, Output: []*onnxpb.ValueInfoProto{value("y", out)}},
	})
}

// session opens a model; without ONNX Runtime the test is skipped.
func session(t testing.TB, m *onnxgraph.Model, opts Options) *Session {
	t.Helper()
	opts.Threads = 1
	s, err := New(m, opts)
	if errors.Is(err, ErrNotFound) {
		t.Skipf("%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tensor(dtype onnxgraph.DataType, shape []int, data any) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: dtype, Shape: shape, Data: data}
}

// Every element type goes in and comes out unchanged, scalars and empty tensors
// too.
func TestTypes(t *testing.T) {
	for _, x := range []*onnxgraph.Tensor{
		tensor(onnxgraph.Float32, []int{2, 2}, []float32{1, -2.5, float32(math.Inf(1)), 0}),
		tensor(onnxgraph.Float64, []int{2}, []float64{1e300, -2}),
		tensor(onnxgraph.Float16, []int{2}, []uint16{0x3c00, 0xfbff}),
		tensor(onnxgraph.Int8, []int{2}, []int8{-128, 127}),
		tensor(onnxgraph.Int16, []int{2}, []int16{-32768, 5}),
		tensor(onnxgraph.Int32, []int{2}, []int32{-1, 1 << 30}),
		tensor(onnxgraph.Int64, []int{}, []int64{-1 << 60}),
		tensor(onnxgraph.Uint8, []int{1, 3}, []uint8{0, 255, 7}),
		tensor(onnxgraph.Uint16, []int{1}, []uint16{65535}),
		tensor(onnxgraph.Uint32, []int{1}, []uint32{1 << 31}),
		tensor(onnxgraph.Uint64, []int{1}, []uint64{1 << 63}),
		tensor(onnxgraph.Bool, []int{3}, []bool{true, false, true}),
		tensor(onnxgraph.BFloat16, []int{1}, []uint16{0x3f80}),
		tensor(onnxgraph.String, []int{2, 2}, []string{"", "ant", "größe", "x y"}),
		tensor(onnxgraph.String, []int{0}, []string{}),
		tensor(onnxgraph.Float32, []int{0, 3}, []float32{}),
	} {
		s := session(t, model(t, x.Type, x.Type, node("Identity x -> y")), Options{})
		out, err := s.Run(context.Background(), map[string]*onnxgraph.Tensor{"x": x}, nil)
		if err != nil {
			t.Errorf("type %v: %v", x.Type, err)
		} else if !reflect.DeepEqual(out["y"], x) {
			t.Errorf("type %v: got %v, want %v", x.Type, out["y"], x)
		}
	}
}

// Values inside the graph can be asked for, together with outputs and in any
// order of asking.
func TestIntermediateValues(t *testing.T) {
	m := model(t, onnxgraph.Float32, onnxgraph.Float32, node("Neg x -> a"), node("Exp a -> b"), node("Neg b -> y"))
	for _, level := range []Level{OptimizeAll, OptimizeExtended, OptimizeBasic, OptimizeNone} {
		s := session(t, m, Options{Optimize: level})
		x := tensor(onnxgraph.Float32, []int{1}, []float32{0.5})
		for _, ask := range [][]string{{"a"}, {"y", "b"}, nil, {"a", "b", "y"}} {
			out, err := s.Run(context.Background(), map[string]*onnxgraph.Tensor{"x": x}, ask)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]float32{"a": -0.5, "b": float32(math.Exp(-0.5)), "y": -float32(math.Exp(-0.5))}
			if ask == nil {
				ask = []string{"y"}
			}
			if len(out) != len(ask) {
				t.Errorf("asked for %v, got %v", ask, out)
			}
			for _, name := range ask {
				if got := out[name].Data.([]float32)[0]; math.Abs(float64(got-want[name])) > 1e-6 {
					t.Errorf("%s is %v, want %v", name, got, want[name])
				}
			}
		}
	}
}

// Failures are told in ONNX Runtime's words, on one line, with the file or
// input that is meant.
func TestErrors(t *testing.T) {
	m := model(t, onnxgraph.Float32, onnxgraph.Float32, node("Neg x -> y"))
	s := session(t, m, Options{})
	x := tensor(onnxgraph.Float32, []int{1}, []float32{1})
	for _, test := range []struct {
		inputs map[string]*onnxgraph.Tensor
		ask    []string
		want   string
	}{
		{nil, nil, `input "x" of the model is missing`},
		{map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Int64, []int{1}, []int64{1})}, nil, "onnxruntime: Unexpected input data type"},
		{map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Float32, []int{2}, []float32{1})}, nil, `input "x" of the model: ort: a tensor of type float32 and shape [2] wants 8 bytes, not the 4 of its []float32`},
		{map[string]*onnxgraph.Tensor{"x": x}, []string{"nowhere"}, "onnxruntime: "},
	} {
		_, err := s.Run(context.Background(), test.inputs, test.ask)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
	_, err := New(model(t, onnxgraph.Float32, onnxgraph.Float32, node("NoSuchOperator x -> y")), Options{})
	var own *Error
	if !errors.As(err, &own) || !strings.Contains(own.Message, "NoSuchOperator") {
		t.Errorf("unknown operator: %v", err)
	}
	s.Close()
	s.Close()
	if _, err := s.Run(context.Background(), map[string]*onnxgraph.Tensor{"x": x}, nil); !errors.Is(err, errClosed) {
		t.Errorf("closed session: %v", err)
	}
}

// Many goroutines may run one session, while it is widened and closed.
func TestConcurrent(t *testing.T) {
	m := model(t, onnxgraph.Float32, onnxgraph.Float32, node("Neg x -> a"), node("Exp a -> y"))
	s := session(t, m, Options{})
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 50 {
				v := float32(g*50+i) / 100
				ask := []string{"y"}
				if i%2 == 1 {
					ask = []string{"a", "y"}
				}
				out, err := s.Run(context.Background(), map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Float32, []int{1}, []float32{v})}, ask)
				if errors.Is(err, errClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if got := float64(out["y"].Data.([]float32)[0]); math.Abs(got-math.Exp(-float64(v))) > 1e-5 {
					t.Errorf("exp(-%v) is %v", v, got)
				}
			}
			if g == 0 {
				s.Close()
			}
		})
	}
	wait.Wait()
}

// A run ends soon after its context does.
func TestCancel(t *testing.T) {
	var nodes []*onnxpb.NodeProto
	for i := range 200 {
		from, to := "v"+string(rune('A'+i/26))+string(rune('a'+i%26)), "v"+string(rune('A'+(i+1)/26))+string(rune('a'+(i+1)%26))
		nodes = append(nodes, node("MatMul "+from+" "+from+" -> "+to))
	}
	nodes[0].Input = []string{"x", "x"}
	nodes[len(nodes)-1].Output[0] = "y"
	s := session(t, model(t, onnxgraph.Float32, onnxgraph.Float32, nodes...), Options{})
	x := tensor(onnxgraph.Float32, []int{1024, 1024}, make([]float32, 1<<20))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Run(ctx, map[string]*onnxgraph.Tensor{"x": x}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Run(ctx, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that is done: %v", err)
	}
}

func BenchmarkRun(b *testing.B) {
	s := session(b, model(b, onnxgraph.Float32, onnxgraph.Float32, node("Neg x -> y")), Options{})
	x := map[string]*onnxgraph.Tensor{"x": tensor(onnxgraph.Float32, []int{1}, []float32{1})}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(context.Background(), x, nil); err != nil {
			b.Fatal(err)
		}
	}
}
