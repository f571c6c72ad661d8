package exec

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// stepAttr is the attribute that holds a node's number in the program.
const stepAttr = "step"

// emit writes a program as a model for onnx-go: the slots that are neither
// constant nor left out, as values without types, and the steps' numbers.
func (p *program) emit() ([]byte, error) {
	g := &onnxpb.GraphProto{Name: proto.String("lowered")}
	for _, slot := range p.inputs {
		g.Input = append(g.Input, valueInfo(slot))
	}
	for _, slot := range p.outputs {
		g.Output = append(g.Output, valueInfo(slot))
	}
	for i, s := range p.steps {
		n := &onnxpb.NodeProto{
			Name:   proto.String("n" + strconv.Itoa(i)),
			OpType: proto.String(s.node.Op),
			Attribute: []*onnxpb.AttributeProto{{
				Name: proto.String(stepAttr),
				Type: onnxpb.AttributeProto_INT.Enum(),
				I:    proto.Int64(int64(i)),
			}},
		}
		for _, slot := range s.in {
			if slot != none && !p.fixed(slot) {
				n.Input = append(n.Input, slotName(slot))
			}
		}
		for _, slot := range s.out {
			if slot != none {
				n.Output = append(n.Output, slotName(slot))
			}
		}
		g.Node = append(g.Node, n)
	}
	return proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(3), Graph: g})
}

func valueInfo(slot int) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: proto.String(slotName(slot))}
}

// slotName is the name under which onnx-go knows a slot.
func slotName(slot int) string { return "v" + strconv.Itoa(slot) }
