package eval

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// classifier is a node of ai.onnx.ml that gives the scores p.
func classifier(op string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	n := node(op+" x -> label p", attrs...)
	n.Domain = proto.String(mlDomain)
	return n
}

func textAttr(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte(v)}
}

func floatsAttr(name string, v ...float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_FLOATS.Enum(), Floats: v}
}

// What scikit-learn's and older exporters write for probabilities is recognised,
// and what looks like it is not.
func TestLossOf(t *testing.T) {
	normalizer := func(norm string) *onnxpb.NodeProto {
		n := node("Normalizer x -> p", textAttr("norm", norm))
		n.Domain = proto.String(mlDomain)
		return n
	}
	for name, test := range map[string]struct {
		nodes []*onnxpb.NodeProto
		want  Loss
	}{
		"softmax, cast":        {[]*onnxpb.NodeProto{node("Softmax x -> q"), node("Identity q -> p")}, LossProbabilities},
		"log of softmax":       {[]*onnxpb.NodeProto{node("Softmax x -> q"), node("Log q -> p")}, LossLogProbabilities},
		"log of anything":      {[]*onnxpb.NodeProto{node("Relu x -> q"), node("Log q -> p")}, LossLogits},
		"written out":          {[]*onnxpb.NodeProto{node("Exp x -> e"), node("ReduceSum e -> s"), node("Div e s -> p")}, LossProbabilities},
		"by another sum":       {[]*onnxpb.NodeProto{node("Exp x -> e"), node("ReduceSum x -> s"), node("Div e s -> p")}, LossLogits},
		"1-p beside p":         {[]*onnxpb.NodeProto{node("Sigmoid x -> q"), node("Sub one q -> r"), node("Concat r q -> p", intAttr("axis", 1))}, LossProbabilities},
		"two sigmoids":         {[]*onnxpb.NodeProto{node("Sigmoid x -> q"), node("Sigmoid one -> r"), node("Concat r q -> p", intAttr("axis", 1))}, LossLogits},
		"normalized by sum":    {[]*onnxpb.NodeProto{normalizer("L1")}, LossProbabilities},
		"normalized by length": {[]*onnxpb.NodeProto{normalizer("L2")}, LossLogits},
		"logistic":             {[]*onnxpb.NodeProto{classifier("LinearClassifier", textAttr("post_transform", "LOGISTIC"))}, LossProbabilities},
		"linear":               {[]*onnxpb.NodeProto{classifier("LinearClassifier", textAttr("post_transform", "NONE"))}, LossLogits},
		"calibrated":           {[]*onnxpb.NodeProto{classifier("SVMClassifier", floatsAttr("prob_a", -1))}, LossProbabilities},
		"forest":               {[]*onnxpb.NodeProto{classifier("TreeEnsembleClassifier", floatsAttr("class_weights", 0, .2, .2))}, LossProbabilities},
		"boosted trees":        {[]*onnxpb.NodeProto{classifier("TreeEnsembleClassifier", floatsAttr("class_weights", .1, -.2))}, LossLogits},
	} {
		m := sketch{inputs: []string{"x float32 n c", "one float32 n c"}, outputs: []string{"p float32 n c"}, nodes: test.nodes}.model(t)
		if got := LossOf(m.Graph.Outputs[0]); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
