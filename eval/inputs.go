package eval

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// InputSpec fixes what a generated input is, where the choice of the program
// would not do.
type InputSpec struct {
	Shape     []int    // nil: chosen
	Value     *float64 // every element has this value
	Low, High float64  // elements lie in this range, when High is above Low
}

// ParseShape reads the sizes of a tensor: "1x3x224x224"; "" is a scalar.
func ParseShape(text string) ([]int, error) {
	shape := []int{}
	if text == "" {
		return shape, nil
	}
	for word := range strings.SplitSeq(text, "x") {
		d, err := strconv.Atoi(word)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("eval: %q is not a shape such as 1x3x224x224", text)
		}
		shape = append(shape, d)
	}
	return shape, nil
}

// plan says how the inputs of a model are generated.
type plan struct {
	inputs []*planned
}

// planned is one input.
type planned struct {
	value *onnxgraph.Value
	shape []int
	role  role
	spec  InputSpec

	deck []int // the indices in the order they are dealt
	next int   // how many have been
	seed uint64
	rng  *rand.Rand
}

func (p *planned) String() string {
	words := make([]string, len(p.shape))
	for i, d := range p.shape {
		words[i] = strconv.Itoa(d)
	}
	return fmt.Sprintf("%s %v[%s]", p.value.Name, p.value.Type, strings.Join(words, ","))
}

// describe lists the inputs for messages.
func (p *plan) describe() string {
	var words []string
	for _, in := range p.inputs {
		words = append(words, in.String())
	}
	return strings.Join(words, ", ")
}

// elements counts the elements of the largest input.
func (p *plan) elements() int {
	most := 0
	for _, in := range p.inputs {
		most = max(most, in.elements())
	}
	return most
}

// free are sizes for the axes that a model leaves open. Some models take only
// some sizes, which the file does not say: the candidates are tried in turn.
type free struct{ batch, picture, sequence int }

// cheapBatch is the batch tried first, for models that are cheap to run.
const cheapBatch = 16

var candidates = []free{
	{cheapBatch, 64, 8}, {2, 64, 8}, {1, 64, 8}, {1, 128, 16}, {1, 224, 32}, {1, 320, 64}, {1, 32, 1}, {1, 64, 100}, {1, 256, 256}, {1, 64, 512}, {1, 96, 128}, {1, 512, 16000},
}

// planInputs chooses shapes and roles for a model's inputs, of which another takes the like. Axes of one name
// get one size.
func planInputs(m, other *onnxgraph.Model, shapes *onnxgraph.ShapeInfo, specs map[string]InputSpec, sizes free) (*plan, error) {
	for name := range specs {
		if !slices.ContainsFunc(m.Graph.Inputs, func(v *onnxgraph.Value) bool { return v.Name == name }) {
			return nil, fmt.Errorf("eval: %s has no input %q", m.Path, name)
		}
	}
	p := &plan{}
	named := map[string]int{}
	fixed := InputsOf(m, other)
	for i, v := range m.Graph.Inputs {
		if v.Type == onnxgraph.Undefined {
			return nil, fmt.Errorf("eval: input %q of %s is not a tensor, or its type is not declared", v.Name, m.Path)
		}
		in := &planned{value: v, spec: specs[v.Name]}
		in.shape = in.spec.Shape
		noteSizes(named, v, fixed[i].Shape)
		noteSizes(named, v, in.spec.Shape)
		p.inputs = append(p.inputs, in)
	}
	for i, in := range p.inputs {
		if in.shape == nil {
			in.shape = chooseShape(in.value, fixed[i].Shape, shapes, named, sizes)
		}
	}
	for _, in := range p.inputs {
		in.role = roleOf(m, in.value, shapes, named)
	}
	return p, nil
}

// noteSizes learns the sizes of named axes from a shape that was given.
func noteSizes[T int | int64](named map[string]int, v *onnxgraph.Value, shape []T) {
	for i, d := range v.Declared {
		if _, known := d.Known(); !known && !d.Unknown() && i < len(shape) && shape[i] >= 0 {
			named[d.String()] = int(shape[i])
		}
	}
}

// chooseShape fills the axes of an input that are below 0 in fixed.
func chooseShape(v *onnxgraph.Value, fixed []int64, shapes *onnxgraph.ShapeInfo, named map[string]int, sizes free) []int {
	shape := []int{}
	for i, n := range fixed {
		size := int(n)
		if n < 0 {
			size = chooseSize(v, i, shapes, named, sizes)
		}
		shape = append(shape, size)
	}
	return shape
}

// chooseSize finds a size for a free axis: the one its name already has, the
// one that a weight it meets has, or one by its place and name.
func chooseSize(v *onnxgraph.Value, axis int, shapes *onnxgraph.ShapeInfo, named map[string]int, sizes free) int {
	d := v.Declared[axis]
	name := d.String()
	if size, ok := named[name]; ok && !d.Unknown() {
		return size
	}
	if size, ok := sumOf(name, named); ok {
		return size
	}
	size := metSize(v, axis, shapes, 0)
	if size == 0 {
		size = guessSize(v, axis, strings.ToLower(name), sizes)
	}
	if !d.Unknown() {
		named[name] = size
	}
	return size
}

// sumOf computes names that are sums: "past_sequence_length + 1".
func sumOf(name string, named map[string]int) (int, bool) {
	terms := strings.Split(name, "+")
	if len(terms) < 2 {
		return 0, false
	}
	sum := 0
	for _, term := range terms {
		term = strings.TrimSpace(term)
		n, err := strconv.Atoi(term)
		if size, ok := named[term]; ok {
			n, err = size, nil
		}
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return sum, true
}

func guessSize(v *onnxgraph.Value, axis int, name string, sizes free) int {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	rank := len(v.Declared)
	first, firstKnown := v.Declared[0].Known()
	switch {
	case has("batch"), name == "n":
		return sizes.batch
	case has("height", "width"):
		return sizes.picture
	case has("seq", "len", "time", "step", "token", "frame"):
		return sizes.sequence
	case axis == 0, axis == 1 && firstKnown && first > 1 && rank >= 3: // a state: [layers, batch, …]
		return sizes.batch
	case rank >= 4 && v.Type != onnxgraph.Int64:
		return sizes.picture
	}
	return sizes.sequence
}

// metSize finds the size of an axis from the weight that the value is
// multiplied by; 0 when there is none.
func metSize(v *onnxgraph.Value, axis int, shapes *onnxgraph.ShapeInfo, depth int) int {
	for _, use := range v.Uses {
		n := use.Node
		if (n.Op == "Cast" || n.Op == "Identity") && depth < 8 {
			if size := metSize(n.Outputs[0], axis, shapes, depth+1); size > 0 {
				return size
			}
		}
		if use.Input == 0 && strings.HasPrefix(n.Op, "TreeEnsemble") && axis == 1 {
			return int(slices.Max(append(slices.Clone(n.Attrs["nodes_featureids"].Ints), 0))) + 1
		}
		if use.Input != 0 || len(n.Inputs) < 2 || n.Inputs[1] == nil {
			continue
		}
		w, ok := shapes.Shape(n.Inputs[1])
		if !ok {
			continue
		}
		if at := contracted(n, axis, len(v.Declared), len(w)); at >= 0 {
			if size, known := w[at].Known(); known && size > 0 {
				return int(size) * groups(n)
			}
		}
	}
	return 0
}

// contracted gives the axis of a node's weight that goes with an axis of its
// first input, -1 for none.
func contracted(n *onnxgraph.Node, axis, rank, weightRank int) int {
	last := axis == rank-1
	switch {
	case n.Op == "MatMul" && last && weightRank >= 2:
		return weightRank - 2
	case n.Op == "Gemm" && last && n.Attrs["transA"].Int == 0:
		return int(n.Attrs["transB"].Int)
	case n.Op == "Conv" && axis == 1 && weightRank >= 2:
		return 1
	case (n.Op == "LSTM" || n.Op == "GRU" || n.Op == "RNN") && axis == 2 && weightRank == 3:
		return 2
	case n.Op == "BatchNormalization" && axis == 1:
		return 0
	}
	return -1
}

func groups(n *onnxgraph.Node) int {
	if g := n.Attrs["group"].Int; n.Op == "Conv" && g > 1 {
		return int(g)
	}
	return 1
}
