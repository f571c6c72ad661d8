package eval

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// What a model computes no numbers of is named; a mask that holds -Inf is no such thing.
func TestUsable(t *testing.T) {
	s := sketch{inputs: []string{"x float32 N 3"}, outputs: []string{"y float32 N 4"},
		nodes: []*onnxpb.NodeProto{node("MatMul x w -> y")}, weights: []*onnxpb.TensorProto{weight("w", []int64{3, 4}, waves(12)...)}}
	plain := s.model(t)
	s.nodes = []*onnxpb.NodeProto{node("Softmax x -> p"), node("MatMul p w -> y")}
	masked := s.model(t)
	for _, c := range []struct {
		at          int
		x           float64
		plain, soft string
	}{
		{4, 1, "", ""},
		{17, math.NaN(), `input "x" of sample 5 holds NaN, and the model computes no numbers of it`, `input "x" of sample 5 holds NaN`},
		{0, math.Inf(-1), `input "x" of sample 0 holds -Inf`, ""},
		{5, 3e38, "", ""},
	} {
		data := waves(900)
		data[c.at] = float32(c.x)
		set, err := dataset.Open(arrayFile(t, []int{300, 3}, data), dataset.Options{Inputs: InputsOf(plain)})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		for m, want := range map[string]string{"plain": c.plain, "masked": c.soft} {
			model := plain
			if m == "masked" {
				model = masked
			}
			err := Usable(context.Background(), model, set, OpenOptions{})
			if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
				t.Errorf("%v at %d, %s: %v, want %q", c.x, c.at, m, err, want)
			}
		}
	}
}

// Of a batch the sample is named whose output is wrong, not the first that holds an infinity.
func TestUsableSample(t *testing.T) {
	m := sketch{inputs: []string{"x float32 N 3"}, outputs: []string{"y float32 N 3"}, nodes: []*onnxpb.NodeProto{node("Softmax x -> y")}}.model(t)
	data := waves(60)
	data[7] = float32(math.Inf(-1)) // of sample 2, which has others
	for i := range 3 {
		data[3*11+i] = float32(math.Inf(-1))
	}
	set, err := dataset.Open(arrayFile(t, []int{20, 3}, data), dataset.Options{Inputs: InputsOf(m)})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if err := Usable(context.Background(), m, set, OpenOptions{}); err == nil || !strings.Contains(err.Error(), `input "x" of sample 11 holds -Inf`) {
		t.Error(err)
	}
}
