package onnxgraph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sign gives every value that an output depends on an id such that values of
// equal ids, of one side or of two that share the table, are computed by the
// same operators from the same inputs and from weights of the same types and
// shapes. order says which input of the other side each input stands for. Without
// a table ids are hashes of what they stand for.
func (s *side) sign(table map[string]int, fold bool, order []int) error {
	s.ids, s.folded, s.fold = map[*Value]int{}, map[*Value]bool{}, fold
	s.products = map[*Node]int{}
	g := &signer{side: s, table: table, read: map[*Weight]string{}}
	for i, v := range s.model.Graph.Inputs {
		s.ids[v] = g.id(fmt.Sprintf("input %d %v", order[i], v.Type))
	}
	return g.graph(s.model.Graph)
}

// A signer gives out ids.
type signer struct {
	*side
	table map[string]int
	read  map[*Weight]string // signatures of weights
	depth int                // of bodies
}

// id returns the number of a signature.
func (g *signer) id(signature string) int {
	if g.table == nil {
		return hashed(signature)
	}
	id, ok := g.table[signature]
	if !ok {
		id = len(g.table) + 1
		g.table[signature] = id
	}
	return id
}

// graph signs the nodes of a graph in their order.
func (g *signer) graph(gr *Graph) error {
	for _, n := range gr.Nodes {
		if g.passes(n) || n.Op == "Constant" && len(n.Outputs) == 1 && n.Outputs[0] != nil && n.Outputs[0].Weight != nil {
			continue
		}
		text, err := g.node(n)
		if err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
		id := g.id(text)
		for i, v := range n.Outputs {
			if v == nil {
				continue
			}
			g.ids[v] = g.id(fmt.Sprintf("%d.%d", id, i))
			if ints, ok := g.ints(v); g.fold && ok {
				g.ids[v], g.folded[v] = g.id(ints), true
			}
		}
	}
	for _, v := range gr.Outputs {
		if _, err := g.value(v); err != nil {
			return err
		}
	}
	return nil
}

// value returns the id of a value, giving weights theirs.
func (g *signer) value(v *Value) (int, error) {
	src := g.source(v)
	if src == nil {
		return 0, nil
	}
	if _, ok := g.ids[src]; !ok {
		text, err := g.leaf(src)
		if err != nil {
			return 0, err
		}
		g.ids[src] = g.id(text)
	}
	g.ids[v] = g.ids[src]
	return g.ids[src], nil
}

// leaf returns the signature of a value that no signed node computes: a weight,
// or a further output of a node that passes on what it reads.
func (g *signer) leaf(v *Value) (string, error) {
	if v.Weight != nil || v.Producer == nil {
		return g.weight(v.Weight)
	}
	id, err := g.value(v.Producer.Inputs[0])
	return fmt.Sprintf("%s of %d, output %d", v.Producer.Op, id, v.Output), err
}

// node returns the signature of a node.
func (g *signer) node(n *Node) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.%s", n.Domain, n.Op)
	if n.Op == "Split" {
		fmt.Fprintf(&b, "/%d", len(n.Outputs))
	}
	for _, v := range n.Inputs { // those that inputs leaves out too
		if _, err := g.value(v); err != nil {
			return "", err
		}
	}
	if text, ok := g.gemm(n); ok {
		return text, nil
	}
	if g.flattens(n) {
		return fmt.Sprintf(".Flatten %d", g.ids[n.Inputs[0]]), nil
	}
	if n.Domain == "" && n.Op == "GlobalAveragePool" {
		if dims, ok := g.shapes.Shape(n.Inputs[0]); ok && len(dims) > 2 {
			return g.spatialMean(n, len(dims))
		}
	}
	for _, v := range g.inputs(n) {
		fmt.Fprintf(&b, " %d", g.ids[v]) // 0 for one left out
	}
	attrs := g.attrs(n)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		text, err := g.attr(attrs[name])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, " %s=%s", name, text)
	}
	return b.String(), nil
}

// flattens reports whether a Reshape keeps the first axis and makes one of all
// others, which is what Flatten does.
func (s *side) flattens(n *Node) bool {
	if n.Domain != "" || n.Op != "Reshape" || len(n.Outputs) != 1 || n.Outputs[0] == nil || n.Inputs[0] == nil {
		return false
	}
	in, ok := s.shapes.Shape(n.Inputs[0])
	out, ok2 := s.shapes.Shape(n.Outputs[0])
	return ok && ok2 && len(in) > 1 && len(out) == 2 && in[0] == out[0]
}

// spatialMean returns the signature of a GlobalAveragePool: that of a ReduceMean
// over the axes after the first two.
func (g *signer) spatialMean(n *Node, rank int) (string, error) {
	axes := Attr{Kind: AttrInts}
	for k := 2; k < rank; k++ {
		axes.Ints = append(axes.Ints, int64(k))
	}
	text, err := g.attr(axes)
	return fmt.Sprintf(".ReduceMean %d axes=%s", g.ids[n.Inputs[0]], text), err
}

// attr returns the signature of an attribute.
func (g *signer) attr(a Attr) (string, error) {
	var parts []string
	for _, w := range weights(a) {
		text, err := g.weight(w)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	for _, body := range bodies(a) {
		text, err := g.body(body)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	if parts != nil {
		return fmt.Sprintf("%d%q", a.Kind, parts), nil
	}
	return fmt.Sprintf("%d%q", a.Kind, a.text()), nil
}

// body returns the signature of a body, which is that of its outputs.
func (g *signer) body(body *Graph) (string, error) {
	g.depth++
	defer func() { g.depth-- }()
	for i, v := range body.Inputs {
		g.ids[v] = g.id(fmt.Sprintf("body %d, input %d", g.depth, i))
	}
	if err := g.graph(body); err != nil {
		return "", err
	}
	ids := make([]int, len(body.Outputs))
	for i, v := range body.Outputs {
		ids[i] = g.ids[v]
	}
	return fmt.Sprint(len(body.Inputs), ids), nil
}

// weight returns the signature of a weight: type, shape, and what steers shapes
// and indices.
func (g *signer) weight(w *Weight) (string, error) {
	if w == nil {
		return "nothing", nil
	}
	if text, ok := g.read[w]; ok {
		return text, nil
	}
	text := fmt.Sprintf("%v%v", w.Type, w.Shape)
	if steers(w.Type) && !g.quantized[w] {
		content, err := g.content(w)
		if err != nil {
			return "", err
		}
		text += content
	}
	g.read[w] = text
	return text, nil
}

// ints returns the signature of a computed integer value that is the same in
// every run.
func (s *side) ints(v *Value) (string, bool) {
	dims, ok := s.shapes.Shape(v)
	if t := s.shapes.Type(v); !ok || !steers(t) || t == String {
		return "", false
	}
	elems, ok := s.shapes.Ints(v)
	if !ok {
		return "", false
	}
	known := func(ds []Dim) []int64 {
		out := []int64{}
		for _, d := range ds {
			n, fixed := d.Known()
			ok = ok && fixed
			out = append(out, n)
		}
		return out
	}
	text := fmt.Sprintf("%v%v%v", s.shapes.Type(v), known(dims), known(elems))
	return text, ok
}

// content returns the elements of a constant that steers as text: all of them
// when they are few, otherwise a digest.
func (s *side) content(w *Weight) (string, error) {
	if w.Type == String {
		t, err := s.model.Tensor(w)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%q", t.Data), nil
	}
	if w.Elements() <= maxFolded {
		x, err := s.model.Int64s(w)
		if x == nil {
			x = []int64{}
		}
		return fmt.Sprint(x), err
	}
	b, err := s.model.Bytes(w)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}
