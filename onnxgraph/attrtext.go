package onnxgraph

import (
	"fmt"
	"slices"
	"strings"
)

// defaults lists, for each operator of ai.onnx, the attributes that may be left
// out with the value that means; "*" after a number stands for any count of it.
// Source: the operator specifications, all versions to opset 25.
var defaults = map[string]string{
	"ArgMax":                "axis=0 keepdims=1 select_last_index=0",
	"ArgMin":                "axis=0 keepdims=1 select_last_index=0",
	"AveragePool":           "auto_pad=NOTSET ceil_mode=0 count_include_pad=0 dilations=1* pads=0* strides=1*",
	"BatchNormalization":    "epsilon=1e-05 spatial=1 training_mode=0 is_test=0",
	"Celu":                  "alpha=1",
	"Conv":                  "auto_pad=NOTSET dilations=1* group=1 pads=0* strides=1*",
	"ConvTranspose":         "auto_pad=NOTSET dilations=1* group=1 output_padding=0* pads=0* strides=1*",
	"CumSum":                "exclusive=0 reverse=0",
	"DepthToSpace":          "mode=DCR",
	"DequantizeLinear":      "axis=1 block_size=0",
	"Elu":                   "alpha=1",
	"Flatten":               "axis=1",
	"GRU":                   "direction=forward layout=0 linear_before_reset=0",
	"Gather":                "axis=0",
	"GatherElements":        "axis=0",
	"GatherND":              "batch_dims=0",
	"Gelu":                  "approximate=none",
	"Gemm":                  "alpha=1 beta=1 broadcast=0 transA=0 transB=0",
	"GlobalLpPool":          "p=2",
	"GroupNormalization":    "epsilon=1e-05",
	"HardSigmoid":           "alpha=0.2 beta=0.5",
	"InstanceNormalization": "epsilon=1e-05",
	"LRN":                   "alpha=0.0001 beta=0.75 bias=1",
	"LSTM":                  "direction=forward input_forget=0 layout=0",
	"LayerNormalization":    "axis=-1 epsilon=1e-05 stash_type=1",
	"LeakyRelu":             "alpha=0.01",
	"LpNormalization":       "axis=-1 p=2",
	"MaxPool":               "auto_pad=NOTSET ceil_mode=0 dilations=1* pads=0* storage_order=0 strides=1*",
	"OneHot":                "axis=-1",
	"Pad":                   "mode=constant value=0",
	"QuantizeLinear":        "axis=1 block_size=0 saturate=1 output_dtype=0",
	"RMSNormalization":      "axis=-1 epsilon=1e-05 stash_type=1",
	"RNN":                   "direction=forward layout=0",
	"Reshape":               "allowzero=0",
	"Resize":                "antialias=0 coordinate_transformation_mode=half_pixel cubic_coeff_a=-0.75 exclude_outside=0 extrapolation_value=0 keep_aspect_ratio_policy=stretch mode=nearest nearest_mode=round_prefer_floor",
	"ReverseSequence":       "batch_axis=1 time_axis=0",
	"ScatterElements":       "axis=0 reduction=none",
	"ScatterND":             "reduction=none",
	"Selu":                  "alpha=1.6732632 gamma=1.050701",
	"Shape":                 "start=0",
	"Split":                 "axis=0",
	"ThresholdedRelu":       "alpha=1",
	"TopK":                  "axis=-1 largest=1 sorted=1",
	"Trilu":                 "upper=1",
	"Upsample":              "mode=nearest",
}

// idle lists attributes that change nothing in a model that is not trained.
var idle = map[string]bool{"momentum": true, "consumed_inputs": true, "seed": true}

// asInput lists, for each operator of ai.onnx, the attributes that later
// versions read as an input, by the input's place.
var asInput = map[string][]string{
	"Clip":      {"", "min", "max"},
	"Pad":       {"", "pads", "value"},
	"Reshape":   {"", "shape"},
	"Slice":     {"", "starts", "ends", "axes", "steps"},
	"Split":     {"", "split"},
	"Squeeze":   {"", "axes"},
	"TopK":      {"", "k"},
	"Unsqueeze": {"", "axes"},
	"Upsample":  {"", "scales"},

	"ReduceL1": {"", "axes"}, "ReduceL2": {"", "axes"}, "ReduceLogSum": {"", "axes"},
	"ReduceLogSumExp": {"", "axes"}, "ReduceMax": {"", "axes"}, "ReduceMean": {"", "axes"},
	"ReduceMin": {"", "axes"}, "ReduceProd": {"", "axes"}, "ReduceSum": {"", "axes"},
	"ReduceSumSquare": {"", "axes"},

	// Constants that say what is done rather than being learned.
	"Pow": {"", "exponent"}, "Resize": {"", "roi", "scales", "sizes"},
}

// moved returns the inputs of a node that are told as attributes: constants
// that the operator's other versions keep in one.
func (s *side) moved(n *Node) map[int]Attr {
	if n.Domain != "" {
		return nil
	}
	var out map[int]Attr
	for i, name := range asInput[n.Op] {
		if name == "" || i >= len(n.Inputs) || n.Inputs[i] == nil {
			continue
		}
		a, ok := s.constant(n.Inputs[i])
		if ok && n.Op == "Pow" && len(a.Floats)+len(a.Ints) > 1 {
			continue // an exponent for each unit is learned
		}
		if ok {
			if out == nil {
				out = map[int]Attr{}
			}
			out[i] = a
		}
	}
	return out
}

// constant returns a small constant as an attribute: a list, or a number when
// it has no axis.
func (s *side) constant(v *Value) (Attr, bool) {
	v = s.source(v)
	if v == nil || v.Weight == nil {
		return s.foldedList(v)
	}
	w := v.Weight
	scalar := len(w.Shape) == 0
	switch {
	case w.Elements() > maxFolded:
	case w.Type == Int64 || w.Type == Int32:
		x, err := s.model.Int64s(w)
		if scalar && err == nil {
			return Attr{Kind: AttrInt, Int: x[0]}, true
		}
		return Attr{Kind: AttrInts, Ints: x}, err == nil
	case w.Type == Float32:
		x, err := s.model.Float32s(w)
		if scalar && err == nil {
			return Attr{Kind: AttrFloat, Float: x[0]}, true
		}
		return Attr{Kind: AttrFloats, Floats: x}, err == nil
	}
	return Attr{}, false
}

// foldedList returns a computed list of integers whose elements are known.
func (s *side) foldedList(v *Value) (Attr, bool) {
	if v == nil || !s.folded[v] {
		return Attr{}, false
	}
	dims, _ := s.shapes.Shape(v)
	elems, _ := s.shapes.Ints(v)
	x := make([]int64, len(elems))
	for i, e := range elems {
		x[i], _ = e.Known()
	}
	if len(dims) == 0 {
		return Attr{Kind: AttrInt, Int: x[0]}, true
	}
	return Attr{Kind: AttrInts, Ints: x}, true
}

// attrs returns the attributes of a node as they are compared: with constants
// that other versions keep in attributes, without defaults and what changes
// nothing.
func (s *side) attrs(n *Node) map[string]Attr {
	out := map[string]Attr{}
	for name, a := range s.allAttrs(n) {
		plain := len(weights(a))+len(bodies(a)) == 0
		if n.Domain == "" && plain && (idle[name] || isDefault(n.Op, name, a)) {
			continue
		}
		if name == "kernel_shape" && plain && strings.HasPrefix(n.Op, "Conv") {
			continue // told by the shape of the weight
		}
		out[name] = a
	}
	return out
}

// allAttrs is attrs with everything that the file says.
func (s *side) allAttrs(n *Node) map[string]Attr {
	out := map[string]Attr{}
	for name, a := range n.Attrs {
		out[name] = a
	}
	for i, a := range s.moved(n) {
		name := asInput[n.Op][i]
		if empty := a.Kind == AttrInts && len(a.Ints) == 0 || a.Kind == AttrFloats && len(a.Floats) == 0; !empty {
			out[name] = a
		}
	}
	if n.Domain == "" {
		s.normalize(n, out)
	}
	return out
}

// orderAxes counts the axes of a reduction from the front, in order, where the
// rank is known.
func (s *side) orderAxes(n *Node, attrs map[string]Attr) {
	a := attrs["axes"]
	if a.Kind != AttrInts || len(n.Inputs) == 0 || n.Inputs[0] == nil {
		return
	}
	dims, ok := s.shapes.Shape(n.Inputs[0])
	if !ok {
		return
	}
	ints := slices.Clone(a.Ints)
	for i := range ints {
		if ints[i] < 0 {
			ints[i] += int64(len(dims))
		}
	}
	slices.Sort(ints)
	attrs["axes"] = Attr{Kind: AttrInts, Ints: ints}
}

// normalize rewrites attributes whose meaning depends on the operator's
// version.
func (s *side) normalize(n *Node, attrs map[string]Attr) {
	if strings.HasPrefix(n.Op, "Reduce") {
		s.orderAxes(n, attrs)
		for name, usual := range map[string]int64{"keepdims": 1, "noop_with_empty_axes": 0} {
			if a := attrs[name]; a.Kind == AttrInt && a.Int == usual {
				delete(attrs, name)
			}
		}
	}
	switch n.Op {
	case "AveragePool":
		// Whether padding counts makes no difference where there is none.
		if auto := attrs["auto_pad"].String; (auto == "" || auto == "NOTSET") && attrs["ceil_mode"].Int == 0 && !slices.ContainsFunc(attrs["pads"].Ints, func(p int64) bool { return p != 0 }) {
			delete(attrs, "count_include_pad")
		}
	case "TopK":
		if k := attrs["k"]; k.Kind == AttrInts && len(k.Ints) == 1 {
			attrs["k"] = Attr{Kind: AttrInt, Int: k.Ints[0]}
		}
	case "Softmax", "LogSoftmax", "Hardmax":
		axis, given := attrs["axis"]
		if !given {
			axis = Attr{Kind: AttrInt, Int: -1}
			if n.Version < 13 {
				axis.Int = 1
			}
		}
		last := axis.Int == -1
		if len(n.Inputs) == 0 {
			return
		}
		if dims, ok := s.shapes.Shape(n.Inputs[0]); ok && axis.Int == int64(len(dims))-1 {
			axis.Int, last = -1, true
		}
		attrs["axis"] = axis
		if n.Version < 13 && !last { // flattens all axes from there on
			attrs["over all axes from"] = axis
		}
	}
}

// isDefault reports whether an attribute says what leaving it out means.
func isDefault(op, name string, a Attr) bool {
	for field := range strings.FieldsSeq(defaults[op]) {
		key, want, _ := strings.Cut(field, "=")
		if key != name {
			continue
		}
		one, many := strings.CutSuffix(want, "*")
		if !many {
			return a.text() == want
		}
		return !slices.ContainsFunc(a.Ints, func(x int64) bool { return fmt.Sprint(x) != one })
	}
	return false
}

// text returns the value of an attribute without weights or bodies as messages
// give it; it is the same for equal values only.
func (a Attr) text() string {
	switch a.Kind {
	case AttrFloat:
		return fmt.Sprint(a.Float)
	case AttrInt:
		return fmt.Sprint(a.Int)
	case AttrFloats:
		return fmt.Sprint(a.Floats)
	case AttrInts:
		return fmt.Sprint(a.Ints)
	case AttrStrings, AttrTypes:
		return fmt.Sprintf("%q", a.Strings)
	}
	return a.String
}
