package eval

import (
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// role is what the numbers of an input are for.
type role struct {
	kind    roleKind
	below   int64     // of indices
	choices []float64 // of controls
	others  []float64 // that the graph tells apart from the choices
}

type roleKind int

const (
	roleNumbers  roleKind = iota // any numbers
	roleIndices                  // whole numbers from 0 to below-1
	roleControls                 // one of a few values
)

// controls are the inputs of operators that steer rather than carry data, by
// operator and place, with values that always make sense.
var controls = map[string]map[int]float64{
	"BeamSearch":        {1: 12, 2: 1, 3: 2, 4: 1, 5: 1, 6: 1}, // lengths, beams, sequences, penalties
	"GreedySearch":      {1: 12, 2: 1, 3: 1},
	"Sampling":          {1: 12, 2: 1, 3: 1},
	"Loop":              {0: 3, 1: 1},
	"NonMaxSuppression": {2: 5, 3: 0.5, 4: 0.1},
	"OneHot":            {1: 8},
	"Pad":               {1: 1},
	"Range":             {0: 0, 1: 8, 2: 1},
	"ConstantOfShape":   {0: 4},
	"Expand":            {1: 4},
	"Tile":              {1: 2},
	"TopK":              {1: 1},
	"CumSum":            {1: 0},
	"Trilu":             {1: 0},
	"Dropout":           {1: 0, 2: 0}, // ratio and training mode
}

// indexed are the operators that look elements up: the place of the indices,
// and of the tensor that bounds them.
var indexed = map[string][2]int{
	"Gather": {1, 0}, "GatherElements": {1, 0}, "GatherND": {1, 0},
	"ScatterElements": {1, 0}, "ScatterND": {1, 0}, "Scatter": {1, 0},
	"EmbedLayerNormalization": {0, 2}, "OneHot": {0, 1}, "ArrayFeatureExtractor": {1, 0},
}

// moving are the operators that hand elements on, from their first input or,
// for Concat, any.
var moving = []string{"Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose",
	"Slice", "Concat", "Expand", "Tile", "Gather", "Split", "Clip", "Mod", "Max", "Min"}

// roleOf follows an input to the nodes that use its elements. Of several uses
// the one that restricts them most decides.
func roleOf(m *onnxgraph.Model, v *onnxgraph.Value, shapes *onnxgraph.ShapeInfo, named map[string]int) role {
	f := &follower{model: m, shapes: shapes, named: named, seen: map[*onnxgraph.Value]bool{}}
	f.follow(v)
	isMask := strings.Contains(strings.ToLower(v.Name), "mask")
	switch {
	case f.below > 0:
		return role{kind: roleIndices, below: f.below}
	case len(f.choices) > 0:
		return role{kind: roleControls, choices: f.choices, others: f.others}
	case isMask:
		return role{kind: roleControls, choices: []float64{1}}
	case v.Type == onnxgraph.Int32 || v.Type == onnxgraph.Int64 || v.Type == onnxgraph.Uint32 || v.Type == onnxgraph.Uint64:
		return role{kind: roleIndices, below: 4}
	}
	return role{}
}

// follower gathers what the uses of a value say about its elements.
type follower struct {
	model   *onnxgraph.Model
	shapes  *onnxgraph.ShapeInfo
	named   map[string]int
	seen    map[*onnxgraph.Value]bool
	below   int64
	choices []float64
	others  []float64
}

func (f *follower) follow(v *onnxgraph.Value) {
	if v == nil || f.seen[v] {
		return
	}
	f.seen[v] = true
	for _, use := range v.Uses {
		f.use(use)
	}
}

func (f *follower) use(use onnxgraph.Use) {
	n := use.Node
	if at, ok := indexed[n.Op]; ok && use.Input == at[0] && at[1] < len(n.Inputs) {
		f.bound(n, n.Inputs[at[1]])
		return
	}
	if n.Op == "EmbedLayerNormalization" && use.Input == 1 && len(n.Inputs) > 4 {
		f.bound(n, n.Inputs[4])
		return
	}
	if value, ok := controls[n.Op][use.Input]; ok {
		f.choices = append(f.choices, value)
		return
	}
	switch {
	case n.Op == "Equal":
		f.compared(n.Inputs[1-use.Input])
	case slices.Contains(moving, n.Op) && (use.Input == 0 || n.Op == "Concat"):
		for _, o := range n.Outputs {
			f.follow(o)
		}
	}
}

// bound notes that elements are indices into a tensor.
func (f *follower) bound(n *onnxgraph.Node, into *onnxgraph.Value) {
	if n.Op == "OneHot" {
		if depth, ok := f.shapes.Ints(into); ok && len(depth) == 1 {
			f.limit(depth[0])
		}
		return
	}
	dims, ok := f.shapes.Shape(into)
	if !ok || len(dims) == 0 {
		return
	}
	axis := int(n.Attrs["axis"].Int)
	switch n.Op {
	case "GatherND", "ScatterND":
		axis = int(n.Attrs["batch_dims"].Int)
	case "ArrayFeatureExtractor":
		axis = len(dims) - 1
	}
	if axis < 0 {
		axis += len(dims)
	}
	if axis >= 0 && axis < len(dims) {
		f.limit(dims[axis])
	}
}

func (f *follower) limit(d onnxgraph.Dim) {
	n, ok := d.Known()
	if !ok {
		n = int64(f.named[d.String()])
	}
	if n < 1 {
		n = 1 // index 0 is always there
	}
	if f.below == 0 || n < f.below {
		f.below = n
	}
}

// compared notes the constants that elements are compared with, such as the
// sample rates that a model tells apart.
func (f *follower) compared(with *onnxgraph.Value) {
	if with == nil {
		return
	}
	ints, ok := f.shapes.Ints(with)
	if !ok || len(ints) > 8 {
		return
	}
	for _, d := range ints {
		if n, known := d.Known(); known && !slices.Contains(f.choices, float64(n)) {
			f.choices, f.others = append(f.choices, float64(n)), append(f.others, float64(otherThan(n)))
		}
	}
}

// otherThan gives a number unlike n that may stand in its place: half of a
// sample rate, the other truth value.
func otherThan(n int64) int64 {
	switch {
	case n > 3 && n%2 == 0:
		return n / 2
	case n == 1:
		return 0
	}
	return n + 1
}
