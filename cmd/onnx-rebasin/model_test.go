package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// writeModel makes a model of a few lines of text, with random weights by a
// seed: model seed text file [old=new…], which replaces words of the text. Lines
// are
//
//	opset 17
//	input x float32 N 20         ("input x float32 ?" declares no shape)
//	output y float32 N 5
//	weight w float32 20 32       (or "weight w float32 20 32 NaN" for one such number among them)
//	output p map                 (of a ZipMap)
//	node Softmax m -> y axis=1
func writeModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: model seed text file [old=new…]")
	}
	seed, err := strconv.ParseUint(args[0], 10, 64)
	ts.Check(err)
	text := ts.ReadFile(args[1])
	for _, a := range args[3:] {
		old, new, _ := strings.Cut(a, "=")
		text = strings.ReplaceAll(text, old, new)
	}
	data, err := build(text, seed)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o644))
}

// build makes the bytes of a model of such lines.
func build(text string, seed uint64) ([]byte, error) {
	b := builder{rng: rand.New(rand.NewPCG(seed, 0)), opset: 17, graph: &onnxpb.GraphProto{Name: proto.String("g")}}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			if err := b.line(f); err != nil {
				return nil, err
			}
		}
	}
	return proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: b.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: &b.opset}, {Domain: proto.String("made.up"), Version: proto.Int64(1)},
			{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(1)}}})
}

type builder struct {
	rng   *rand.Rand
	opset int64
	graph *onnxpb.GraphProto
}

var elementTypes = map[string]onnxgraph.DataType{"float32": onnxgraph.Float32, "float64": onnxgraph.Float64,
	"float16": onnxgraph.Float16, "bfloat16": onnxgraph.BFloat16, "int64": onnxgraph.Int64}

func (b *builder) line(f []string) (err error) {
	switch f[0] {
	case "opset":
		b.opset, err = strconv.ParseInt(f[1], 10, 64)
	case "input":
		b.graph.Input = append(b.graph.Input, valueInfo(f[1:]))
	case "output":
		b.graph.Output = append(b.graph.Output, valueInfo(f[1:]))
	case "weight":
		err = b.weight(f[1:])
	case "node":
		b.node(f[1:])
	default:
		err = fmt.Errorf("no line begins with %q", f[0])
	}
	return err
}

func valueInfo(f []string) *onnxpb.ValueInfoProto {
	if f[1] == "map" {
		return &onnxpb.ValueInfoProto{Name: &f[0]}
	}
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(elementTypes[f[1]])), Shape: &onnxpb.TensorShapeProto{}}
	for _, word := range f[2:] {
		if word == "?" {
			t.Shape = nil
			break
		}
		d := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: word}}
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			d.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}
		}
		t.Shape.Dim = append(t.Shape.Dim, d)
	}
	return &onnxpb.ValueInfoProto{Name: &f[0], Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}}
}

// weight makes Gaussian numbers of deviation 1/√rows.
func (b *builder) weight(f []string) error {
	t := &onnxpb.TensorProto{Name: &f[0], DataType: proto.Int32(int32(elementTypes[f[1]]))}
	n, special := 1, ""
	for _, word := range f[2:] {
		d, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			special = word
			continue
		}
		t.Dims = append(t.Dims, d)
		n *= int(d)
	}
	for i := range n {
		v := b.rng.NormFloat64() / math.Sqrt(float64(t.Dims[0]))
		if special != "" && i == n/2 {
			var err error
			if v, err = strconv.ParseFloat(special, 64); err != nil {
				return err
			}
		}
		switch f[1] {
		case "float64":
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, math.Float64bits(v))
		case "float16":
			t.RawData = binary.LittleEndian.AppendUint16(t.RawData, half.ToFloat16(float32(v)))
		case "bfloat16":
			t.RawData = binary.LittleEndian.AppendUint16(t.RawData, half.ToBFloat16(float32(v)))
		default:
			t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(float32(v)))
		}
	}
	b.graph.Initializer = append(b.graph.Initializer, t)
	return nil
}

// attribute is an integer, or several with commas between.
func attribute(name, value string) *onnxpb.AttributeProto {
	var ints []int64
	for word := range strings.SplitSeq(value, ",") {
		v, _ := strconv.ParseInt(word, 10, 64)
		ints = append(ints, v)
	}
	if len(ints) > 1 {
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: ints}
	}
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &ints[0]}
}

// node reads "Softmax m -> y axis=1"; "made.up:Op" is an operator of that domain.
func (b *builder) node(f []string) {
	n := &onnxpb.NodeProto{OpType: &f[0]}
	if domain, op, ok := strings.Cut(f[0], ":"); ok {
		n.Domain, n.OpType = &domain, &op
	}
	outputs := false
	for _, word := range f[1:] {
		name, value, isAttr := strings.Cut(word, "=")
		switch {
		case word == "->":
			outputs = true
		case isAttr:
			n.Attribute = append(n.Attribute, attribute(name, value))
		case outputs:
			n.Output = append(n.Output, word)
		default:
			n.Input = append(n.Input, word)
		}
	}
	b.graph.Node = append(b.graph.Node, n)
}
