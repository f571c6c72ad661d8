package permspec

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Options steer Infer. The zero value infers the whole symmetry.
type Options struct {
	// Freeze reports weights whose axes may not move, as the user asks.
	Freeze func(w *onnxgraph.Weight) bool
	// FreeIO reports graph inputs and outputs whose axes may move: whoever runs a
	// permuted model has to permute what is fed to them, and read from them, as
	// Spec.IO and Spec.Order say.
	FreeIO func(v *onnxgraph.Value) bool
	// Recurrent lists graph inputs with the output that is fed to them in the
	// next run: freed ones are permuted alike.
	Recurrent [][2]*onnxgraph.Value
	// Uniform reports whether w holds the same numbers at every slot of the
	// axis, in every model the Spec is going to be applied to. Such an axis
	// puts no constraint on what it meets. Nil asks the model itself.
	Uniform func(w *onnxgraph.Weight, axis int) bool
	// Same reports whether w holds the same numbers in every model the Spec is
	// going to be applied to. Where it does not, nothing is inferred from them.
	// Nil: there is only the model itself.
	Same func(w *onnxgraph.Weight) bool
	// Tied lists weights that have to be permuted in the same way, because
	// another model of the architecture keeps them as one tensor.
	Tied [][]*onnxgraph.Weight
}

// Infer finds which axes of the model's weights may be permuted together
// without changing what the model computes.
//
// It visits the nodes once, in order, and unifies the layouts that each node's
// signature relates; the time is near linear in the number of nodes. An
// operator that is not in the table, or a node that the rule cannot read,
// freezes what it touches: Infer errs only on the side of too small a group. The
// error is non-nil only when the model's weights cannot be read.
func Infer(m *onnxgraph.Model, opts Options) (*Spec, error) {
	inf := newInference(m, opts)
	if err := inf.run(); err != nil {
		return nil, err
	}
	inf.freezeDropped()
	io := inf.layOutIO()
	s, err := inf.spec()
	if err == nil {
		s.takeIO(io)
	}
	return s, err
}

func newInference(m *onnxgraph.Model, opts Options) *inference {
	return &inference{
		store:   store{origins: map[*cause][]int{}},
		model:   m,
		live:    live(m.Graph),
		seen:    map[*onnxgraph.Graph]bool{},
		info:    shapes(m, opts),
		opts:    opts,
		layouts: map[*onnxgraph.Value][]sum{},
		weights: map[*onnxgraph.Weight][]sum{},
		uniform: map[*onnxgraph.Weight][]bool{},

		constant: map[*onnxgraph.Value][]bool{},
		steering: map[*onnxgraph.Value]bool{},
		openings: map[*onnxgraph.Value]opened{},
		readings: map[*onnxgraph.Weight][]reading{},
		isFactor: map[*onnxgraph.Weight]bool{},
		involved: map[*onnxgraph.Weight]bool{},
		blanks:   map[int64]int{},
	}
}

// run visits the whole model.
func (inf *inference) run() error {
	inf.graph(inf.model.Graph)
	for _, in := range inf.model.Graph.Inputs {
		inf.freezeIO(in, "input")
	}
	for _, out := range inf.model.Graph.Outputs {
		inf.freezeIO(out, "output")
	}
	inf.tieStates()
	inf.tieWeights()
	inf.freezeAngles()
	inf.settle()
	inf.settleReadings()
	return inf.err
}

// tieStates gives inputs the layout of the outputs that are fed to them.
func (inf *inference) tieStates() {
	for _, pair := range inf.opts.Recurrent {
		a, _ := inf.layout(pair[0])
		b, _ := inf.layout(pair[1])
		if len(a) != len(b) {
			reason := &cause{nil, fmt.Sprintf("%q and %q differ in rank", pair[0].Name, pair[1].Name)}
			inf.freezeValue(pair[0], reason)
			inf.freezeValue(pair[1], reason)
			continue
		}
		for k := range a {
			inf.unify(a[k], b[k], nil)
		}
	}
}

// tieWeights gives the weights of Options.Tied one layout.
func (inf *inference) tieWeights() {
	for _, list := range inf.opts.Tied {
		for _, w := range list[1:] {
			a, b := inf.weightLayout(list[0]), inf.weightLayout(w)
			for k := range min(len(a), len(b)) {
				if !inf.isUniform(w, k) || !inf.isUniform(list[0], k) {
					inf.unify(a[k], b[k], nil)
				}
			}
		}
	}
}

// inference is the state of one Infer.
type inference struct {
	store
	model    *onnxgraph.Model
	live     map[*onnxgraph.Node]bool
	seen     map[*onnxgraph.Graph]bool // those visited
	info     *onnxgraph.ShapeInfo
	opts     Options
	layouts  map[*onnxgraph.Value][]sum // a nil layout: the rank is not known
	weights  map[*onnxgraph.Weight][]sum
	uniform  map[*onnxgraph.Weight][]bool
	steering map[*onnxgraph.Value]bool // those whose sources are frozen
	openings map[*onnxgraph.Value]opened
	constant map[*onnxgraph.Value][]bool // axes along which computed values are the same
	readings map[*onnxgraph.Weight][]reading
	factor   []*onnxgraph.Weight // weights that something is multiplied with
	isFactor map[*onnxgraph.Weight]bool
	involved map[*onnxgraph.Weight]bool // whose layouts cannot be written down: they are frozen
	relation []relation
	blanks   map[int64]int       // by size, see blank
	extra    []*onnxgraph.Weight // stand for values to be laid out beside the weights
	err      error               // the first weight that could not be read
}

// relation is a signature at work: the names of sig stand for the expressions
// in env.
type relation struct {
	node *onnxgraph.Node
	sig  Signature
	env  map[string]sum
	own  [][]sum // the inputs as they were laid out before
}

// graph visits the nodes of g, once.
func (inf *inference) graph(g *onnxgraph.Graph) {
	if inf.seen[g] {
		return
	}
	inf.seen[g] = true
	for _, n := range g.Nodes {
		inf.visit(n)
	}
}

func (inf *inference) visit(n *onnxgraph.Node) {
	inf.steps = 0
	switch {
	case n.Op == "Constant" && n.Domain == "" || !inf.live[n]:
		return
	case n.Domain == "" && (inf.control(n) || inf.opens(n)):
		return
	}
	c := inf.call(n)
	sig, err := inf.signature(c)
	if err != nil {
		inf.freezeNode(n, err.Error())
		return
	}
	inf.relate(c, sig)
	if n.Op == "Mul" && n.Domain == "" {
		inf.factors(n)
	}
}

// signature looks the node's rule up and asks it.
func (inf *inference) signature(c *call) (Signature, error) {
	r, ok := rules[opKey{c.node.Domain, c.node.Op}]
	if !ok {
		return Signature{}, fmt.Errorf("the operator %s is not in the table", opName(c.node))
	}
	text, err := r(c)
	if err != nil {
		return Signature{}, err
	}
	return ParseSignature(text)
}

func opName(n *onnxgraph.Node) string {
	if n.Domain == "" {
		return n.Op
	}
	return n.Domain + "." + n.Op
}

// relate unifies the layouts around a node as the signature says.
func (inf *inference) relate(c *call, sig Signature) {
	n, env := c.node, map[string]sum{}
	own := make([][]sum, len(sig.In))
	for i, pattern := range sig.In {
		v := c.in(i)
		if v == nil {
			continue
		}
		if sig.Free[i] {
			inf.steer(v, n)
			continue
		}
		layout, ok := inf.operand(v, n)
		if !ok {
			inf.freezeNode(n, fmt.Sprintf("the rank of %q is not known", v.Name))
			return
		}
		if len(pattern) == 0 && inf.ones(layout) {
			continue
		}
		if len(pattern) != len(layout) {
			inf.freezeNode(n, fmt.Sprintf("input %d has rank %d, want %d", i, len(layout), len(pattern)))
			return
		}
		own[i] = layout
		for k, p := range pattern {
			inf.bind(p, layout[k], env, c)
		}
	}
	for i := len(sig.In); i < len(n.Inputs); i++ {
		if v := n.Inputs[i]; v != nil {
			inf.steer(v, n)
		}
	}
	for i, pattern := range sig.Out {
		if i < len(n.Outputs) && n.Outputs[i] != nil {
			inf.output(c, n.Outputs[i], pattern, env)
		}
	}
	for i := len(sig.Out); i < len(n.Outputs); i++ {
		if v := n.Outputs[i]; v != nil {
			inf.freezeValue(v, &cause{n, "it is an output of " + opName(n) + " that the signature does not tell about"})
		}
	}
	inf.keepOrder(c, sig, env)
	inf.constants(n, sig)
	inf.relation = append(inf.relation, relation{n, sig, env, own})
}

func (inf *inference) ones(layout []sum) bool {
	for _, x := range layout {
		if r := inf.resolve(x); len(r) != 1 || len(r[0]) > 0 {
			return false
		}
	}
	return true
}

// bind makes the axis x an instance of the pattern p.
func (inf *inference) bind(p Axis, x sum, env map[string]sum, c *call) {
	if f, ok := plain(p); ok && env[f.Name] == nil {
		env[f.Name] = x
		if size, given := c.sizes[f.Name]; given {
			inf.measure(x, size)
		}
		return
	}
	inf.deduce(p, x, env, c)
	inf.unify(x, inf.subst(p, env, c), c.node)
}

// measure tells an axis of unknown size, as Loop stacks them, the size a rule
// found.
func (inf *inference) measure(x sum, size onnxgraph.Dim) {
	if a, ok := soleAtom(inf.resolve(x)); ok && inf.known(a) < 0 && fixed(size) {
		inf.atoms[inf.find(a)].size = size
	}
}

func plain(p Axis) (Factor, bool) {
	if len(p) == 1 && len(p[0]) == 1 {
		f := p[0][0]
		return f, f.Name != "" && f.Size == 0 && f.Sum == nil && f.Pick == nil && !f.Sel
	}
	return Factor{}, false
}

// deduce finds the size of the one factor of a product whose size is not given.
func (inf *inference) deduce(p Axis, x sum, env map[string]sum, c *call) {
	if len(p) != 1 {
		return
	}
	total, ok := inf.size(inf.resolve(x))
	missing := ""
	for _, f := range p[0] {
		d, known := inf.factorSize(f, env, c)
		switch {
		case !ok:
			return
		case known:
			total, ok = total.Div(d)
		case missing != "" || f.Name == "":
			return
		default:
			missing = f.Name
		}
	}
	if missing != "" && ok {
		c.size(missing, total)
	}
}

func (inf *inference) factorSize(f Factor, env map[string]sum, c *call) (onnxgraph.Dim, bool) {
	switch {
	case f.Name == "" && f.Size > 0:
		return onnxgraph.Size(int64(f.Size)), true
	case env[f.Name] != nil:
		return inf.size(inf.resolve(env[f.Name]))
	}
	d, ok := c.sizes[f.Name]
	return d, ok
}

// subst writes the expressions of the names into a pattern. Names that stand
// for nothing yet get fresh atoms.
func (inf *inference) subst(p Axis, env map[string]sum, c *call) sum {
	out := make(sum, 0, len(p))
	for _, t := range p {
		q := make(prod, 0, len(t))
		for _, f := range t {
			q = append(q, leaf{sum: inf.substFactor(f, env, c)})
		}
		out = append(out, q)
	}
	return inf.resolve(out)
}

func (inf *inference) substFactor(f Factor, env map[string]sum, c *call) sum {
	switch {
	case f.Sum != nil:
		return inf.subst(f.Sum, env, c)
	case f.Pick != nil:
		return inf.choose(f, env, c)
	case f.Name == "":
		x := single(inf.fresh(onnxgraph.Size(int64(f.Size))))
		inf.freeze(x, inf.order(c))
		return x
	}
	if env[f.Name] == nil {
		d, ok := c.sizes[f.Name]
		if !ok {
			d = inf.unknown()
		}
		env[f.Name] = single(inf.fresh(d))
	}
	if !f.Sel {
		return env[f.Name]
	}
	over, ok := soleAtom(inf.resolve(env[f.By]))
	if !ok {
		return env[f.Name]
	}
	inf.freeze(single(over), inf.order(c))
	return inf.pick(env[f.Name], over, f.Slot)
}

func (inf *inference) unknown() onnxgraph.Dim {
	return onnxgraph.Symbol(fmt.Sprintf("?%d", len(inf.atoms)))
}

// choose makes the expression that is Pick[k] at slot k of By.
func (inf *inference) choose(f Factor, env map[string]sum, c *call) sum {
	parts := make([]sum, len(f.Pick))
	for k, m := range f.Pick {
		parts[k] = inf.substFactor(m, env, c)
	}
	over, ok := soleAtom(inf.resolve(inf.substFactor(Factor{Name: f.By}, env, c)))
	size, known := inf.size(inf.resolve(parts[0]))
	apart := false
	for _, p := range parts[1:] {
		apart = apart || !inf.resolve(p).equal(inf.resolve(parts[0])) && !(inf.frozenAll(p) && inf.frozenAll(parts[0]))
	}
	if !apart || !ok || !known || inf.known(over) != int64(len(parts)) || len(parts) > maxFamily || len(parts) < 2 {
		for _, p := range parts[1:] {
			inf.unify(parts[0], p, c.node)
		}
		env[pickName(f)] = parts[0]
		return parts[0]
	}
	inf.freeze(single(over), inf.order(c))
	z := inf.fresh(size)
	members := inf.makeFamily(z, over).members
	for k, m := range members {
		inf.unify(single(m), parts[k], c.node)
	}
	env[pickName(f)] = single(z)
	return single(z)
}

// pickName is the name under which a relation keeps what a choice stands for.
func pickName(f Factor) string { return f.String() }

func (inf *inference) order(c *call) *cause {
	if c.reason != "" {
		return &cause{c.node, c.reason}
	}
	return &cause{c.node, opName(c.node) + " depends on the order along this axis"}
}

// output gives an output its layout.
func (inf *inference) output(c *call, v *onnxgraph.Value, pattern Layout, env map[string]sum) {
	dims, ok := inf.info.Shape(v)
	if ok && len(dims) != len(pattern) {
		if len(pattern) > 0 {
			inf.freezeNode(c.node, fmt.Sprintf("output %q has rank %d, want %d", v.Name, len(dims), len(pattern)))
			return
		}
		inf.layouts[v] = inf.freshLayout(dims)
		return
	}
	for k, p := range pattern { // before any is used: a choice may name a later axis
		if f, isPlain := plain(p); isPlain && env[f.Name] == nil && ok {
			c.size(f.Name, dims[k])
		}
	}
	layout := make([]sum, len(pattern))
	for k, p := range pattern {
		layout[k] = inf.subst(p, env, c)
		if layout[k].leaves() > mostParts {
			why := &cause{c.node, fmt.Sprintf("the axis has more than %d parts", mostParts)}
			inf.freeze(layout[k], why)
			size := inf.unknown()
			if ok {
				size = dims[k]
			}
			layout[k] = single(inf.fresh(size))
			inf.freeze(layout[k], why)
		}
		if ok {
			inf.checkSize(c.node, layout[k], dims[k])
		}
	}
	inf.layouts[v] = layout
}

// mostParts is how many parts an axis may have. Networks have some hundred; a
// tensor that is joined to itself over and over has as many as one likes.
const mostParts = 1 << 12

// checkSize freezes an axis whose parts do not add up to the size that shape
// inference found: one of the two misunderstood the node.
func (inf *inference) checkSize(n *onnxgraph.Node, x sum, want onnxgraph.Dim) {
	got, ok := inf.size(inf.resolve(x))
	g, known := got.Known()
	w, wanted := want.Known()
	if ok && known && wanted && g != w {
		inf.freeze(x, &cause{n, fmt.Sprintf("the axis has %d slots where the signature gives %d", w, g)})
	}
}

// keepOrder freezes the names that sig writes with #.
func (inf *inference) keepOrder(c *call, sig Signature, env map[string]sum) {
	var visit func(a Axis)
	visit = func(a Axis) {
		for _, t := range a {
			for _, f := range t {
				if f.Frozen && f.Name != "" && env[f.Name] != nil {
					inf.freeze(env[f.Name], inf.order(c))
				}
				visit(f.Sum)
			}
		}
	}
	for _, l := range append(append([]Layout{}, sig.In...), sig.Out...) {
		for _, a := range l {
			visit(a)
		}
	}
}
