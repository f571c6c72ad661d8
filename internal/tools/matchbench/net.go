package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// net is a network under construction, its weights random.
type net struct {
	rng   *rand.Rand
	tuned *rand.Rand // what training on adds to the weights; nil: nothing
	graph *onnxpb.GraphProto
	size  int // parameters
}

func newNet(seed uint64) *net {
	return &net{rng: rand.New(rand.NewPCG(seed, 1)), graph: &onnxpb.GraphProto{Name: proto.String("net")}}
}

// weight adds normal numbers of variance 2/fan and returns their name; fan 0 adds
// ones.
func (n *net) weight(fan int, shape ...int64) string {
	count := int64(1)
	for _, d := range shape {
		count *= d
	}
	raw := make([]byte, 0, 4*count)
	for range count {
		x := 1.0
		if fan > 0 {
			x = n.normal() * math.Sqrt(2/float64(fan))
		}
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
	}
	n.size += int(count)
	return n.constant(int32(onnxpb.TensorProto_FLOAT), raw, shape...)
}

func (n *net) normal() float64 {
	x := n.rng.NormFloat64()
	if n.tuned != nil {
		x += n.tuned.NormFloat64() / 2
	}
	return x
}

func (n *net) ints(list ...int64) string {
	var raw []byte
	for _, x := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return n.constant(int32(onnxpb.TensorProto_INT64), raw, int64(len(list)))
}

func (n *net) constant(t int32, raw []byte, shape ...int64) string {
	name := fmt.Sprint("w", len(n.graph.Initializer))
	n.graph.Initializer = append(n.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: &t, Dims: shape, RawData: raw})
	return name
}

// op adds a node with one output and returns its name. Attributes are pairs of a
// name and an int or a list of them.
func (n *net) op(kind string, in []string, attrs ...any) string {
	name := fmt.Sprint("v", len(n.graph.Node))
	node := &onnxpb.NodeProto{OpType: &kind, Name: &name, Input: in, Output: []string{name}}
	for k := 0; k < len(attrs); k += 2 {
		a := &onnxpb.AttributeProto{Name: proto.String(attrs[k].(string))}
		switch v := attrs[k+1].(type) {
		case int:
			a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
		case []int64:
			a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
		}
		node.Attribute = append(node.Attribute, a)
	}
	n.graph.Node = append(n.graph.Node, node)
	return name
}

// input declares the graph's input.
func (n *net) input(shape ...int64) string {
	n.graph.Input = []*onnxpb.ValueInfoProto{value("input", shape)}
	return "input"
}

func value(name string, shape []int64) *onnxpb.ValueInfoProto {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: &onnxpb.TensorShapeProto{}}
	for _, d := range shape {
		t.Shape.Dim = append(t.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}}
}

// output ends the network.
func (n *net) output(v string, shape ...int64) {
	n.graph.Output = []*onnxpb.ValueInfoProto{value(v, shape)}
}

// write saves the network and returns its number of parameters.
func (n *net) write(file string) (int, error) {
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: n.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}})
	if err != nil {
		return 0, err
	}
	return n.size, os.WriteFile(file, data, 0o644)
}
