package onnxgraph_test

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// A disguise rewrites a model so that it computes the same under other names,
// in another order, and with harmless nodes in between.
type disguise struct {
	rng   *rand.Rand
	names map[string]string // old to new
	io    bool              // rename inputs and outputs too
}

// model rewrites a whole model in place.
func (d *disguise) model(m *onnxpb.ModelProto) {
	d.names = map[string]string{"": ""}
	if !d.io {
		for _, v := range m.Graph.Input {
			d.names[v.GetName()] = v.GetName()
		}
		for _, v := range m.Graph.Output {
			d.names[v.GetName()] = v.GetName()
		}
	}
	// Of several Constant nodes for one name the last holds: the order counts.
	seen := map[string]bool{}
	slices.Reverse(m.Graph.Node)
	m.Graph.Node = slices.DeleteFunc(m.Graph.Node, func(n *onnxpb.NodeProto) bool {
		twice := n.GetOpType() == "Constant" && seen[n.Output[0]]
		seen[n.Output[0]] = true
		return twice
	})
	d.graph(m.Graph, m.Functions == nil)
}

// name returns the new name of an old one: taken from the other end, so that
// names seem to be swapped between layers.
func (d *disguise) name(old string) string {
	if _, ok := d.names[old]; !ok {
		d.names[old] = fmt.Sprintf("%d_%x", d.rng.IntN(1000), len(d.names))
	}
	return d.names[old]
}

func (d *disguise) rename(names []string) {
	for i, s := range names {
		names[i] = d.name(s)
	}
}

// weight returns the new name of a weight: that of its value, or for an
// attribute that of its node or of what the node computes.
func (d *disguise) weight(w *onnxgraph.Weight) string {
	owner, isAttr := strings.CutSuffix(w.Name, ".value")
	switch {
	case !isAttr:
		return d.names[w.Name]
	case d.names["node "+owner] != "":
		return d.names["node "+owner] + ".value"
	}
	return d.names[owner] + ".value"
}

func (d *disguise) graph(g *onnxpb.GraphProto, insert bool) {
	for _, n := range g.Node {
		d.rename(n.Input)
		d.rename(n.Output)
		if n.GetName() != "" {
			n.Name = proto.String(d.name("node " + n.GetName()))
		}
		for _, a := range n.Attribute {
			for _, body := range append(a.Graphs, a.G) {
				if body != nil {
					d.graph(body, insert)
				}
			}
		}
		if insert && len(n.Input) == 2 && (n.GetOpType() == "Add" || n.GetOpType() == "Mul") && n.GetDomain() == "" {
			d.rng.Shuffle(2, func(i, j int) { n.Input[i], n.Input[j] = n.Input[j], n.Input[i] })
		}
	}
	for _, t := range g.Initializer {
		t.Name = proto.String(d.name(t.GetName()))
	}
	for _, t := range g.SparseInitializer {
		t.Values.Name = proto.String(d.name(t.Values.GetName()))
	}
	for _, vs := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range vs {
			v.Name = proto.String(d.name(v.GetName()))
		}
	}
	if insert {
		d.insert(g)
		d.constants(g)
	}
	d.rng.Shuffle(len(g.Node), func(i, j int) { g.Node[i], g.Node[j] = g.Node[j], g.Node[i] })
	d.rng.Shuffle(len(g.Initializer), func(i, j int) {
		g.Initializer[i], g.Initializer[j] = g.Initializer[j], g.Initializer[i]
	})
}

// insert puts Identity and Dropout nodes before some inputs.
func (d *disguise) insert(g *onnxpb.GraphProto) {
	var more []*onnxpb.NodeProto
	for _, n := range g.Node {
		for i, v := range n.Input {
			if v == "" || d.rng.IntN(10) > 0 {
				continue
			}
			kind := []string{"Identity", "Dropout"}[d.rng.IntN(2)]
			n.Input[i] = d.name(fmt.Sprintf("inserted %s %d", v, d.rng.Uint32()))
			more = append(more, op(kind, in(v), n.Input[i]))
		}
	}
	g.Node = append(g.Node, more...)
}

// constants turns some initializers into Constant nodes. Those with external
// data stay, as does what is an input too.
func (d *disguise) constants(g *onnxpb.GraphProto) {
	input := map[string]bool{}
	for _, v := range g.Input {
		input[v.GetName()] = true
	}
	var keep []*onnxpb.TensorProto
	for _, t := range g.Initializer {
		if input[t.GetName()] || d.rng.IntN(3) > 0 {
			keep = append(keep, t)
			continue
		}
		a := attr("value", onnxpb.AttributeProto_TENSOR)
		a.T = t
		g.Node = append(g.Node, withAttrs(op("Constant", nil, t.GetName()), a))
	}
	g.Initializer = keep
}

var disguises = flag.Int("disguises", 1, "how often TestCorrespondDisguised disguises each model")

// A model corresponds to itself in disguise, each weight to itself.
func TestCorrespondDisguised(t *testing.T) {
	dir, names := corpus(t)
	for _, name := range names {
		if !strings.HasPrefix(name, "zoo/") && !strings.HasPrefix(name, "models/") && !strings.HasPrefix(name, "zoopairs/") {
			continue
		}
		a := load(t, filepath.Join(dir, name))
		hash := fnv.New64a()
		hash.Write([]byte(name))
		for i := range *disguises {
			d := &disguise{rng: rand.New(rand.NewPCG(hash.Sum64(), uint64(i))), io: i%2 == 0}
			if err := d.recognized(t, a); err != nil {
				t.Errorf("%s, disguise %d: %v", name, i, err)
			}
		}
	}
}

// recognized reports as an error what Correspond does not find of a model in
// its disguise.
func (d *disguise) recognized(t *testing.T, a *onnxgraph.Model) error {
	pb, err := a.Proto()
	if err != nil {
		return err
	}
	pb = proto.CloneOf(pb)
	d.model(pb)
	b := parse(t, pb)
	c, err := onnxgraph.Correspond(a, b)
	if err != nil {
		return err
	}
	if !fits(t, a, b) {
		return errors.New("the fingerprints do not fit")
	}
	for x, y := range c.Weights {
		if x.Type == onnxgraph.Int64 && len(x.Shape) == 0 {
			continue // two equal numbers that are added may have changed places
		}
		if want := d.weight(x); y.Name != want {
			return fmt.Errorf("counterpart of %v is %v, want %q", x, y, want)
		}
	}
	for _, n := range a.Graph.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Weight != nil && v.Weight.Type == onnxgraph.Float32 && c.Nodes[n] != nil && c.Weights[v.Weight] == nil {
				return fmt.Errorf("%v has no counterpart for weight %v", n, v.Weight)
			}
		}
	}
	return nil
}

// fits compares the fingerprints of two models.
func fits(t *testing.T, a, b *onnxgraph.Model) bool {
	t.Helper()
	x, err := a.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return x.Fits(y)
}

// Of all models at hand, those fit that correspond, and no others.
func TestFingerprintTellsApart(t *testing.T) {
	dir, names := corpus(t)
	type known struct {
		model *onnxgraph.Model
		print onnxgraph.Fingerprint
	}
	var all []known
	fitting := 0
	for _, name := range names {
		if strings.HasPrefix(name, "onnx-node-tests/") || strings.HasPrefix(name, "zoo-edge/") {
			continue
		}
		m := load(t, filepath.Join(dir, name))
		print, err := m.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range all {
			if !print.Fits(k.print) {
				continue
			}
			fitting++
			if _, err := onnxgraph.Correspond(k.model, m); err != nil {
				t.Errorf("%s and %s fit: %v", k.model.Path, name, err)
			}
		}
		all = append(all, known{m, print})
	}
	if fitting < 20 {
		t.Errorf("%d pairs fit", fitting)
	}
}

// The published pairs correspond, or differ as told.
func TestCorrespondPairs(t *testing.T) {
	dir := shared.Dir(t)
	want := map[string]string{
		"mlsd_tiny_320_512": `node 69 "Resize__163" (Resize) of a.onnx has sizes [1 64 40 40], node 69 "Resize__163" (Resize) of b.onnx has [1 64 64 64]; they are made for inputs of other sizes: "input_image_with_alpha:0" is [1 320 320 4] in a.onnx, [1 512 512 4] in b.onnx`,
	}
	for _, sub := range []string{"models", "zoopairs"} {
		pairs, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			a, b := load(t, filepath.Join(p, "a.onnx")), load(t, filepath.Join(p, "b.onnx"))
			_, err := onnxgraph.Correspond(a, b)
			got := ""
			if d := (*onnxgraph.Difference)(nil); errors.As(err, &d) {
				got = d.Error()
			} else if err != nil {
				t.Error(err)
			}
			if got != want[filepath.Base(p)] {
				t.Errorf("%s: %q, want %q", filepath.Base(p), got, want[filepath.Base(p)])
			}
		}
	}
}

// edit changes one thing of a model.
type edit func(m *onnxpb.ModelProto)

// network returns a small convolutional network: its convolution, normalization
// and dense layer, with every kind of attribute and constant.
func network() *onnxpb.ModelProto {
	conv := withAttrs(op("Conv", in("x", "k", "kb"), "c"), ints("kernel_shape", 3, 3), ints("pads", 1, 1, 1, 1))
	conv.Name = proto.String("conv")
	kernel := tensor("k", onnxgraph.Float32, 4, 3, 3, 3)
	kernel.RawData = make([]byte, 4*4*3*3*3)
	dense := tensor("w", onnxgraph.Float32, 16, 2)
	dense.RawData = make([]byte, 4*16*2)
	shape := tensor("shape", onnxgraph.Int64, 2)
	shape.Int64Data = []int64{-1, 16}
	body := func(name, kind string) *onnxpb.AttributeProto {
		a := attr(name, onnxpb.AttributeProto_GRAPH)
		a.G = &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{op(kind, in("m"), "o")}, Output: []*onnxpb.ValueInfoProto{value("o")}}
		return a
	}
	relu := op("Relu", in("c"), "r")
	relu.Name = proto.String("act")
	return model(&onnxpb.GraphProto{
		Input:       []*onnxpb.ValueInfoProto{value("x"), value("cond")},
		Output:      []*onnxpb.ValueInfoProto{value("y")},
		Initializer: []*onnxpb.TensorProto{kernel, floats("kb", 1, 2, 3, 4), shape, dense, floats("b", 1, 2)},
		Node: []*onnxpb.NodeProto{
			conv, relu, op("Reshape", in("r", "shape"), "f"), op("MatMul", in("f", "w"), "h"), op("Add", in("h", "b"), "m"),
			withAttrs(op("If", in("cond"), "y"), body("then_branch", "Relu"), body("else_branch", "Tanh")),
		},
	})
}

func ints(name string, x ...int64) *onnxpb.AttributeProto {
	a := attr(name, onnxpb.AttributeProto_INTS)
	a.Ints = x
	return a
}

// What makes no difference makes none.
func TestCorrespondHarmless(t *testing.T) {
	insert := func(kind, from, to string, as ...*onnxpb.AttributeProto) edit {
		return func(m *onnxpb.ModelProto) {
			for _, n := range m.Graph.Node {
				for i := range n.Input {
					if n.Input[i] == from {
						n.Input[i] = to
					}
				}
			}
			m.Graph.Node = append(m.Graph.Node, withAttrs(op(kind, in(from), to), as...))
		}
	}
	for name, e := range map[string]edit{
		"identity": insert("Identity", "r", "r'"),
		"dropout":  insert("Dropout", "r", "r'"),
		"cast":     insert("Cast", "w", "w'", intAttr("to", 1)),
		"swap":     func(m *onnxpb.ModelProto) { m.Graph.Node[4].Input = in("b", "h") },
		"default": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute = append(m.Graph.Node[0].Attribute, ints("strides", 1, 1), intAttr("group", 1))
		},
		"inferred":  func(m *onnxpb.ModelProto) { m.Graph.Node[0].Attribute = m.Graph.Node[0].Attribute[1:] },
		"dead":      func(m *onnxpb.ModelProto) { m.Graph.Node = append(m.Graph.Node, op("Erf", in("r"), "dead")) },
		"in names":  func(m *onnxpb.ModelProto) { m.Graph.Input[0].Name, m.Graph.Node[0].Input[0] = proto.String("z"), "z" },
		"out names": func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name, m.Graph.Node[5].Output[0] = proto.String("z"), "z" },
		"in order":  func(m *onnxpb.ModelProto) { slices.Reverse(m.Graph.Input) },
		"gemm": func(m *onnxpb.ModelProto) {
			m.Graph.Node[3] = op("Gemm", in("f", "w", "b"), "m")
			m.Graph.Node[4] = op("Erf", in("m"), "dead")
		},
		"computed": func(m *onnxpb.ModelProto) {
			parts := attr("value_ints", onnxpb.AttributeProto_INTS)
			parts.Ints = []int64{-1}
			sixteen := attr("value_ints", onnxpb.AttributeProto_INTS)
			sixteen.Ints = []int64{16}
			m.Graph.Node[2].Input[1] = "computed"
			m.Graph.Node = append(m.Graph.Node, withAttrs(op("Constant", nil, "p"), parts), withAttrs(op("Constant", nil, "q"), sixteen),
				withAttrs(op("Concat", in("p", "q"), "computed"), intAttr("axis", 0)))
		},
	} {
		a, b := network(), network()
		e(b)
		for _, pair := range [][2]*onnxpb.ModelProto{{a, b}, {b, a}} {
			x, y := parse(t, pair[0]), parse(t, pair[1])
			c, err := onnxgraph.Correspond(x, y)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !fits(t, x, y) {
				t.Errorf("%s: the fingerprints do not fit", name)
			}
			for x, y := range c.Weights {
				if x.Name != y.Name {
					t.Errorf("%s: counterpart of %v is %v", name, x, y)
				}
			}
			if len(c.Weights) < 4 {
				t.Errorf("%s: %d weights have counterparts", name, len(c.Weights))
			}
		}
	}
}

// The first difference is told in one sentence that names both sides.
func TestCorrespondDifference(t *testing.T) {
	node := func(i int, kind string, as ...*onnxpb.AttributeProto) edit {
		return func(m *onnxpb.ModelProto) {
			m.Graph.Node[i].OpType = &kind
			if as != nil {
				m.Graph.Node[i].Attribute = as
			}
		}
	}
	weight := func(i int, t *onnxpb.TensorProto) edit {
		return func(m *onnxpb.ModelProto) {
			t.Name = m.Graph.Initializer[i].Name
			m.Graph.Initializer[i] = t
		}
	}
	half := tensor("", onnxgraph.Float16, 2)
	half.RawData = make([]byte, 4)
	kernel := tensor("", onnxgraph.Float32, 4, 3, 5, 5)
	kernel.RawData = make([]byte, 4*4*3*5*5)
	target := tensor("", onnxgraph.Int64, 2)
	target.Int64Data = []int64{16, -1}
	for _, c := range []struct {
		want string
		edit edit
	}{
		{`node 1 "act" (Relu) of a.onnx stands where b.onnx has node 1 "act" (Erf)`, node(1, "Erf")},
		{`node 0 "conv" (Conv) of a.onnx has pads [1 1 1 1], node 0 "conv" (Conv) of b.onnx has [2 2 2 2]`,
			node(0, "Conv", ints("pads", 2, 2, 2, 2))},
		{`node 0 "conv" (Conv) of a.onnx has pads [1 1 1 1], node 0 "conv" (Conv) of b.onnx has no pads`, node(0, "Conv", ints("kernel_shape", 3, 3))},
		{`node 0 "conv" (Conv) of a.onnx has kernel_shape [3 3], node 0 "conv" (Conv) of b.onnx has [5 5]`,
			func(m *onnxpb.ModelProto) {
				weight(0, kernel)(m)
				m.Graph.Node[0].Attribute[0].Ints = []int64{5, 5}
			}},
		{`weight "b" of a.onnx (node 4 (Add)) is float32, weight "b" of b.onnx (node 4 (Add)) is float16`, weight(4, half)},
		{`weight "b" of a.onnx (node 4 (Add)) has shape [2], weight "b" of b.onnx (node 4 (Add)) has shape [3]`, weight(4, floats("", 1, 2, 3))},
		{`node 2 (Reshape) of a.onnx has shape [-1 16], node 2 (Reshape) of b.onnx has [16 -1]`, weight(2, target)},
		{`node 0 "conv" (Conv) of a.onnx has 3 inputs, node 0 "conv" (Conv) of b.onnx has 2 inputs`,
			func(m *onnxpb.ModelProto) { m.Graph.Node[0].Input = in("x", "k") }},
		{`node 2 (Reshape) of a.onnx stands where b.onnx has node 3 (MatMul)`,
			func(m *onnxpb.ModelProto) { m.Graph.Node[3].Input[0] = "r" }},
		{`node 0 (Relu) in the body of node 5 (If) of a.onnx stands where b.onnx has node 0 (Erf) in the body of node 5 (If)`,
			func(m *onnxpb.ModelProto) { m.Graph.Node[5].Attribute[0].G.Node[0].OpType = proto.String("Erf") }},
		{`node 3 (MatMul) of a.onnx stands where b.onnx has node 3 (Gemm); only a Gemm without attributes is the same as a MatMul`,
			func(m *onnxpb.ModelProto) {
				m.Graph.Node[3] = withAttrs(op("Gemm", in("f", "w", "b"), "m"), intAttr("transB", 1))
				m.Graph.Node[4] = op("Erf", in("m"), "dead")
			}},
		{`node 0 "conv" (Conv) of b.onnx is normalized by node 1 (BatchNormalization), which in a.onnx may be folded into node 0 "conv" (Conv)`,
			func(m *onnxpb.ModelProto) {
				m.Graph.Node[0].Input = in("x", "k")
				m.Graph.Node = append(m.Graph.Node, op("BatchNormalization", in("c", "kb", "kb", "kb", "kb"), "n"))
				m.Graph.Node[1].Input[0] = "n"
			}},
		{`node 1 "act" (Relu) of a.onnx stands where b.onnx has node 1 (BatchNormalization); a.onnx may have its normalization folded in`,
			func(m *onnxpb.ModelProto) {
				m.Graph.Node = append(m.Graph.Node, op("BatchNormalization", in("c", "kb", "kb", "kb", "kb"), "n"))
				m.Graph.Node[1].Input[0] = "n"
			}},
		{`a.onnx has 1 output, b.onnx has 2 outputs`,
			func(m *onnxpb.ModelProto) { m.Graph.Output = append(m.Graph.Output, value("r")) }},
		{`node 5 (If) of a.onnx has no counterpart in b.onnx`,
			func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = proto.String("m") }},
		{`node 2 (Reshape) of a.onnx stands where b.onnx has node 2 (Tanh)`,
			func(m *onnxpb.ModelProto) {
				m.Graph.Node = append(m.Graph.Node, op("Tanh", in("r"), "r2"))
				m.Graph.Node[2].Input[0] = "r2"
			}},
	} {
		load := func(name string, pb *onnxpb.ModelProto) *onnxgraph.Model {
			return load(t, write(t, name, marshal(t, pb)))
		}
		pb := network()
		c.edit(pb)
		_, err := onnxgraph.Correspond(load("a.onnx", network()), load("b.onnx", pb))
		d := (*onnxgraph.Difference)(nil)
		if !errors.As(err, &d) || d.Reason != c.want {
			t.Errorf("difference %v\n                          want %s", err, c.want)
		}
	}
}

// An output taken from elsewhere, and a model that goes on where the other ends.
func TestCorrespondOutputs(t *testing.T) {
	two := func(out ...string) *onnxgraph.Model {
		return parse(t, model(&onnxpb.GraphProto{
			Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value(out[0]), value(out[1])},
			Node: []*onnxpb.NodeProto{op("Relu", in("x"), "r"), op("Tanh", in("r"), "t"), op("Exp", in("t"), "e")},
		}))
	}
	for _, c := range []struct {
		a, b *onnxgraph.Model
		want string
	}{
		{two("r", "t"), two("t", "t"), `output "r" of the first model is what node 0 (Relu) computes, output "t" of the second model is what node 1 (Tanh) computes`},
		{two("r", "t"), two("r", "e"), `node 2 (Exp) of the second model has no counterpart in the first model`},
	} {
		if _, err := onnxgraph.Correspond(c.a, c.b); err == nil || err.Error() != c.want {
			t.Errorf("difference %v\n                          want %s", err, c.want)
		}
	}
}

// A model without a file is named by its place.
func TestCorrespondNames(t *testing.T) {
	pb := network()
	pb.Graph.Node[1].OpType = proto.String("Erf")
	file, memory := load(t, write(t, "a.onnx", marshal(t, network()))), parse(t, pb)
	for _, c := range []struct {
		a, b *onnxgraph.Model
		want string
	}{
		{file, memory, `node 1 "act" (Relu) of a.onnx stands where the second model has node 1 "act" (Erf)`},
		{memory, file, `node 1 "act" (Erf) of the first model stands where a.onnx has node 1 "act" (Relu)`},
	} {
		if _, err := onnxgraph.Correspond(c.a, c.b); err == nil || err.Error() != c.want {
			t.Errorf("difference %v\n                          want %s", err, c.want)
		}
	}
}

// Weights that one file shares and the other holds apart correspond when that
// loses nothing.
func TestCorrespondShared(t *testing.T) {
	shared := chain(floats("w", 1, 2))
	shared.Graph.Node[1] = op("Mul", in("x+w", "w"), "y")
	apart := func(second ...float32) *onnxpb.ModelProto {
		m := chain(floats("w1", 1, 2), floats("w2", second...))
		m.Graph.Node = []*onnxpb.NodeProto{op("Add", in("x", "w1"), "s"), op("Mul", in("s", "w2"), "y")}
		return m
	}
	for _, c := range []struct {
		a, b *onnxpb.ModelProto
		ok   bool
	}{{apart(3, 4), shared, true}, {shared, apart(1, 2), true}, {shared, apart(3, 4), false}} {
		_, err := onnxgraph.Correspond(parse(t, c.a), parse(t, c.b))
		if (err == nil) != c.ok {
			t.Errorf("error %v", err)
		}
	}
}

// Comparing takes time in proportion to the number of nodes.
func BenchmarkCorrespond(b *testing.B) {
	for _, n := range []int{1000, 2000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var ts []*onnxpb.TensorProto
			for i := range n {
				ts = append(ts, floats(fmt.Sprint(i), 1))
			}
			x, y := parse(b, chain(ts...)), parse(b, chain(ts...))
			for b.Loop() {
				if _, err := onnxgraph.Correspond(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Exports of one network correspond where the exporters made the same nodes of
// it, other names, opsets and attributes at their defaults notwithstanding, and
// the first difference is told where they did not.
func TestCorrespondExporters(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"lstm_classic11", "lstm_classic17", ""},
		{"wavenet_classic11", "wavenet_classic17", ""},
		{"deeplab_classic11", "deeplab_classic16", ""},
		{"text_cnn_classic13", "text_cnn_dynamo18", ""},
		{"vgg_classic12", "vgg_dynamo18", ""},
		{"resnet_classic11", "resnet_dynamo18", ""},
		{"mobilenet_v2_classic11", "mobilenet_v2_dynamo18", ""},
		{"video_classic12", "video_dynamo18", ""},
		{"unet_segmentation_classic11", "unet_segmentation_dynamo18", ""},
		{"style_transfer_classic11", "style_transfer_dynamo18", ""},
		{"bert_classic11", "bert_classic17",
			`node 14 "/norm/ReduceMean" (ReduceMean) of bert_classic11.onnx stands where bert_classic17.onnx has node 14 "/norm/LayerNormalization" (LayerNormalization)`},
		{"bert_dynamo18", "bert_dynamo23",
			`node 43 "node_Div_49" (Div) of bert_dynamo18.onnx stands where bert_dynamo23.onnx has node 43 "node_gelu" (Gelu)`},
		{"resnet_bn_classic13", "resnet_classic11",
			`node 0 "/conv1/Conv" (Conv) of resnet_bn_classic13.onnx is normalized by node 1 "/bn1/BatchNormalization" (BatchNormalization), which in resnet_classic11.onnx may be folded into node 0 "/conv1/Conv" (Conv)`},
	} {
		path := func(name string) string { return filepath.Join("..", "fixtures", "exports", name+".onnx") }
		a, b := load(t, path(c.a)), load(t, path(c.b))
		got, err := onnxgraph.Correspond(a, b)
		switch {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want == "":
			for _, w := range a.Weights() {
				if w.Type == onnxgraph.Float32 && len(w.Shape) > 1 && got.Weights[w] == nil {
					t.Errorf("%s: no counterpart of %v in %s", c.a, w, c.b)
				}
			}
			if len(got.Weights) < 4 {
				t.Errorf("%s and %s: %d weights have counterparts", c.a, c.b, len(got.Weights))
			}
		case err == nil || err.Error() != c.want:
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}
