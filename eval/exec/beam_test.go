package exec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func whole[T int32 | float32](kind onnxgraph.DataType, shape []int, data ...T) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: kind, Shape: shape, Data: data}
}

// beamInputs are random inputs of the two models of the zoo that search.
var beamInputs = map[string]func(rng *rand.Rand) map[string]*onnxgraph.Tensor{
	"tiny_gpt2_beam": gpt2Inputs,
	"tiny_gpt2_beam masked": func(rng *rand.Rand) map[string]*onnxgraph.Tensor {
		inputs := gpt2Inputs(rng)
		ids := inputs["input_ids"]
		mask := make([]int32, len(ids.Data.([]int32)))
		for i := range mask {
			mask[i] = min(1, rng.Int32N(4))
		}
		inputs["attention_mask"] = whole(onnxgraph.Int32, ids.Shape, mask...)
		return inputs
	},
	"t5_outer_scope_init": func(rng *rand.Rand) map[string]*onnxgraph.Tensor {
		return map[string]*onnxgraph.Tensor{"encoder_input_ids": padded(rng, 1+rng.IntN(4), 1+rng.IntN(6), 20, 1)}
	},
}

// gpt2Inputs are prompts of padded tokens, lengths, beams and penalties.
func gpt2Inputs(rng *rand.Rand) map[string]*onnxgraph.Tensor {
	batch, tokens, beams := 1+rng.IntN(3), 1+rng.IntN(6), 1+rng.IntN(5)
	one := []int{1}
	return map[string]*onnxgraph.Tensor{
		"input_ids":            padded(rng, batch, tokens, 1000, 98),
		"max_length":           whole(onnxgraph.Int32, one, int32(tokens+1+rng.IntN(20))),
		"min_length":           whole(onnxgraph.Int32, one, rng.Int32N(4)),
		"num_beams":            whole(onnxgraph.Int32, one, int32(beams)),
		"num_return_sequences": whole(onnxgraph.Int32, one, 1+rng.Int32N(int32(beams))),
		"length_penalty":       whole(onnxgraph.Float32, one, []float32{1, .5, 2}[rng.IntN(3)]),
		"repetition_penalty":   whole(onnxgraph.Float32, one, []float32{1, 1.2, .8}[rng.IntN(3)]),
	}
}

// masked gives the search of a model an attention mask, as a further input of the graph.
func masked(t *testing.T, path string) *onnxgraph.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	mask := proto.Clone(m.Graph.Input[0]).(*onnxpb.ValueInfoProto)
	mask.Name = proto.String("attention_mask")
	m.Graph.Input = append(m.Graph.Input, mask)
	m.Graph.Node[0].Input[9] = "attention_mask"
	if data, err = proto.Marshal(m); err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// padded are tokens, one of five of them padding.
func padded(rng *rand.Rand, batch, tokens int, words, pad int32) *onnxgraph.Tensor {
	ids := make([]int32, batch*tokens)
	for i := range ids {
		if ids[i] = rng.Int32N(words); rng.IntN(5) == 0 {
			ids[i] = pad
		}
	}
	return whole(onnxgraph.Int32, []int{batch, tokens}, ids...)
}

// Beam searches find the sequences that ONNX Runtime finds, for all numbers of beams, lengths, penalties and paddings,
// but where scores are equal up to rounding.
func TestBeamSearch(t *testing.T) {
	dir := shared.Dir(t)
	if _, err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	for name, draw := range beamInputs {
		t.Run(name, func(t *testing.T) {
			file, mask := strings.CutSuffix(name, " masked")
			path := filepath.Join(dir, "zoo", file+".onnx")
			m, err := onnxgraph.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if mask {
				m.Close()
				m = masked(t, path)
			}
			defer m.Close()
			s, err := exec.New(m, exec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			rng := rand.New(rand.NewPCG(3, 1))
			same, rows := 0, 0
			for range 40 {
				inputs := draw(rng)
				want, err := onRuntime(m, inputs, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.Run(context.Background(), inputs, nil)
				if err != nil {
					t.Fatal(err)
				}
				if w := want["scores"]; w != nil {
					if d, err := difference(got["scores"], w); err != nil || d > 1e-5 {
						t.Errorf("%s\nscores are %v, by ONNX Runtime %v (%g, %v)", described(inputs), got["scores"].Data, w.Data, d, err)
					}
				}
				x, y := got["sequences"], want["sequences"]
				if !slices.Equal(x.Shape, y.Shape) {
					t.Fatalf("%s\nsequences %v, by ONNX Runtime %v", described(inputs), x.Shape, y.Shape)
				}
				n := x.Shape[2]
				for at := 0; at < len(x.Data.([]int32)); at += n {
					rows++
					if slices.Equal(x.Data.([]int32)[at:at+n], y.Data.([]int32)[at:at+n]) {
						same++
					}
				}
			}
			t.Logf("%d of %d sequences are the same", same, rows)
			if same < rows*95/100 { // the rest have equal scores, up to rounding
				t.Errorf("%d of %d sequences are the same", same, rows)
			}
		})
	}
}

func described(inputs map[string]*onnxgraph.Tensor) string {
	text := ""
	for name, t := range inputs {
		text += fmt.Sprint(name, t.Shape, t.Data, " ")
	}
	return text
}
