package permspec

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// spec turns the settled store into a Spec. A weight whose layout cannot be cut
// into blocks, as after shuffles within shuffles, is frozen whole, which shrinks
// the group and leaves the others to be laid out anew.
func (inf *inference) spec() (*Spec, error) {
	for {
		s, err := inf.layOut()
		var involved *involvedError
		if !errors.As(err, &involved) || inf.involved[involved.weight] {
			return s, err
		}
		inf.involved[involved.weight] = true
		inf.freezeWeight(involved.weight)
	}
}

// freezeWeight freezes all that a weight's axes are made of.
func (inf *inference) freezeWeight(w *onnxgraph.Weight) {
	why := &cause{nil, "the order of its slots is too involved to be written as a layout"}
	var whole func(x sum)
	whole = func(x sum) {
		inf.freeze(x, why)
		inf.resolve(x).each(func(a int) {
			if f := inf.atoms[a].family; f != nil {
				for _, m := range f.members {
					whole(single(m))
				}
			}
		})
	}
	for _, x := range inf.weights[w] {
		whole(x)
	}
	inf.settle()
}

// layOut writes down the layouts that the store now has.
func (inf *inference) layOut() (*Spec, error) {
	inf.freezeUnsized()
	u := inf.separate()
	s := &Spec{explain: inf}
	f := finisher{inf: inf, unders: u}
	for _, w := range inf.laidOut() {
		if w.Type.IsFloat() {
			s.Parameters += w.Elements()
		}
		l, seen := inf.weights[w]
		if !seen {
			continue
		}
		wl := WeightLayout{Weight: w, Layout: f.layout(l)}
		if inf.involved[w] { // nothing in it moves any more
			wl.Layout = still(w.Shape)
		}
		if wl.Layout.free() || slices.Contains(inf.extra, w) {
			s.Weights = append(s.Weights, wl)
		}
		s.Frozen = append(s.Frozen, inf.frozenAxes(w, l)...)
	}
	f.groups(s.Weights)
	s.Groups = f.finish(s.Weights)
	s.tags = f.order
	return s, s.index()
}

// still is the layout in which no axis moves.
func still(shape []int64) Layout {
	out := make(Layout, len(shape))
	for k, n := range shape {
		out[k] = Axis{Term{{Size: int(n), Frozen: true}}}
	}
	return out
}

// laidOut lists what the Spec is about.
func (inf *inference) laidOut() []*onnxgraph.Weight {
	return slices.Concat(inf.model.Weights(), inf.extra)
}

// freezeUnsized freezes the free atoms of weights whose number of slots is not
// known: half of a known axis, say, of which the other half is symbolic.
func (inf *inference) freezeUnsized() {
	for _, w := range inf.laidOut() {
		for _, x := range inf.weights[w] {
			inf.resolve(x).each(func(a int) {
				if inf.known(a) < 0 {
					inf.freeze(single(a), &cause{nil, "its size is not known"})
				}
			})
		}
	}
}

// separate makes families of the atoms that may differ by the slot of a frozen
// one, such as the two directions of a bidirectional LSTM: they are groups of
// their own.
func (inf *inference) separate() unders {
	for {
		u := inf.unders()
		todo := map[int]int{}
		for _, w := range inf.laidOut() {
			for _, x := range inf.weights[w] {
				inf.resolve(x).each(func(a int) {
					if over, ok := inf.divider(a, u[a]); ok {
						todo[a] = over
					}
				})
			}
		}
		if len(todo) == 0 {
			return u
		}
		for _, a := range slices.Sorted(maps.Keys(todo)) {
			inf.makeFamily(a, todo[a])
		}
	}
}

// divider returns the first frozen atom that the free atom a is under, when
// that is short enough.
func (inf *inference) divider(a int, set map[int]bool) (int, bool) {
	if inf.atoms[a].frozen != nil || inf.atoms[a].family != nil {
		return 0, false
	}
	for _, y := range slices.Sorted(maps.Keys(set)) {
		if n := inf.known(y); inf.atoms[y].frozen != nil && n > 1 && n <= maxFamily {
			return y, true
		}
	}
	return 0, false
}

// frozenAxes explains the axes of a floating-point weight that hold a frozen
// atom; where there are several, by the largest.
func (inf *inference) frozenAxes(w *onnxgraph.Weight, l []sum) []Frozen {
	if !w.Type.IsFloat() {
		return nil
	}
	var out []Frozen
	for k, x := range l {
		var why *cause
		largest := int64(-1)
		inf.resolve(x).each(func(a int) {
			if n := inf.known(a); inf.atoms[a].frozen != nil && n > largest {
				why, largest = inf.atoms[a].frozen, n
			}
		})
		if why != nil {
			out = append(out, Frozen{Weight: w.Name, Axis: k, Node: nodeName(why.node), Reason: why.reason})
		}
	}
	return out
}

func nodeName(n *onnxgraph.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Name != "":
		return n.Name
	case len(n.Outputs) > 0 && n.Outputs[0] != nil:
		return n.Outputs[0].Name
	}
	return n.Op
}

// free reports whether some atom of the layout is free.
func (l Layout) free() bool {
	found := false
	l.each(func(f *Factor) { found = found || f.Name != "" && !f.Frozen })
	return found
}

// each calls visit for every atom of the layout, those of choices included.
func (l Layout) each(visit func(*Factor)) {
	for _, a := range l {
		a.each(visit)
	}
}

func (a Axis) each(visit func(*Factor)) {
	for _, t := range a {
		for i := range t {
			t[i].each(visit)
		}
	}
}

func (f *Factor) each(visit func(*Factor)) {
	switch {
	case f.Sum != nil:
		f.Sum.each(visit)
	case f.Pick != nil:
		for i := range f.Pick {
			f.Pick[i].each(visit)
		}
	default:
		visit(f)
	}
}

// finisher gives atoms their final names.
type finisher struct {
	inf    *inference
	unders unders
	order  []string // free atoms by first sight, as "@id"
	atoms  map[string]atomInfo
}

type atomInfo struct {
	size  int
	under map[string]bool
}

func tag(a int) string { return fmt.Sprintf("@%d", a) }

// layout writes the expressions of a weight with atoms called "@id".
func (f *finisher) layout(l []sum) Layout {
	out := make(Layout, len(l))
	for k, x := range l {
		out[k] = f.axis(f.inf.resolve(x))
	}
	return out.gather().spread().tidy()
}

func (f *finisher) axis(x sum) Axis {
	a := make(Axis, len(x))
	for i, p := range x {
		t := make(Term, len(p))
		for j, l := range p {
			if l.sum != nil {
				t[j] = Factor{Sum: f.axis(l.sum)}
			} else {
				t[j] = f.factor(l.atom)
			}
		}
		a[i] = t
	}
	return a
}

func (f *finisher) factor(a int) Factor {
	at, n := f.inf.atoms[a], int(f.inf.known(a))
	switch {
	case at.family != nil:
		c := Factor{By: tag(f.inf.find(at.family.over))}
		for _, m := range at.family.members {
			x := f.axis(f.inf.resolve(single(m)))
			if len(x) == 1 && len(x[0]) == 1 {
				c.Pick = append(c.Pick, x[0][0])
			} else {
				c.Pick = append(c.Pick, Factor{Sum: x})
			}
		}
		return c
	case at.frozen != nil:
		return Factor{Name: tag(a), Size: n, Frozen: true}
	}
	return Factor{Name: tag(a), Size: n}
}

// gather writes {u:p|q} {u:r|s} as {u:(p r)|(q s)}, and {u:p|p} as p.
func (l Layout) gather() Layout {
	for _, a := range l {
		a.gather()
	}
	return l
}

func (a Axis) gather() {
	for i, t := range a {
		a[i] = t.gather()
	}
}

func (t Term) gather() Term {
	out := Term{}
	for _, f := range t {
		last := len(out) - 1
		if f.Pick != nil && last >= 0 && out[last].Pick != nil && out[last].By == f.By {
			for k, p := range f.Pick {
				out[last].Pick[k] = wrap(append(out[last].Pick[k].unwrap(), p.unwrap()...))
			}
			continue
		}
		out = append(out, f)
	}
	for i := range out {
		f := &out[i]
		f.Sum.gather()
		for k, p := range f.Pick {
			f.Pick[k] = wrap(p.unwrap().gather())
		}
		if f.Pick != nil && f.constant() {
			*f = f.Pick[0]
		}
	}
	return out
}

// constant reports whether a choice has only one thing to choose.
func (f Factor) constant() bool {
	first := f.Pick[0].String()
	return !slices.ContainsFunc(f.Pick, func(p Factor) bool { return p.String() != first })
}

// unwrap is the term that a factor stands for.
func (f Factor) unwrap() Term {
	if len(f.Sum) == 1 {
		return slices.Clone(f.Sum[0])
	}
	return Term{f}
}

// wrap is the factor that stands for a term.
func wrap(t Term) Factor {
	if len(t) == 1 {
		return t[0]
	}
	return Factor{Sum: Axis{t}}
}

// spread writes (u {u:p|q}) as p+q, where nothing else hangs on u.
func (l Layout) spread() Layout {
	for k, a := range l {
		var out Axis
		for _, t := range a {
			if len(t) > 1 && t[0].Frozen && l.hangers(t[0].Name) == Axis([]Term{t}).hangers(t[0].Name) && Axis([]Term{t}).hangers(t[0].Name) > 0 {
				for slot := range t[0].Size {
					out = append(out, t[1:].at(t[0].Name, slot))
				}
				continue
			}
			out = append(out, t)
		}
		l[k] = out
	}
	return l
}

// at writes the term as it is at a slot of the factor called name.
func (t Term) at(name string, slot int) Term {
	out := make(Term, 0, len(t))
	for _, f := range t {
		switch {
		case f.Pick != nil && f.By == name:
			out = append(out, f.Pick[slot])
		case f.Sum != nil:
			var s Axis
			for _, inner := range f.Sum {
				s = append(s, inner.at(name, slot))
			}
			out = append(out, Factor{Sum: s})
		default:
			out = append(out, f)
		}
	}
	return out
}

// hangers counts the choices that hang on name.
func (l Layout) hangers(name string) int {
	n := 0
	for _, a := range l {
		n += a.hangers(name)
	}
	return n
}

func (a Axis) hangers(name string) int {
	n := 0
	for _, t := range a {
		for _, f := range t {
			n += f.hangers(name)
		}
	}
	return n
}

func (f Factor) hangers(name string) int {
	n := f.Sum.hangers(name)
	if f.Pick != nil && f.By == name {
		n++
	}
	for _, p := range f.Pick {
		n += p.hangers(name)
	}
	return n
}

// tidy drops the names of frozen factors that nothing hangs on, and writes
// frozen neighbours as one: (#2 #3) is #6, #2+#3 is #5.
func (l Layout) tidy() Layout {
	l.each(func(f *Factor) {
		if f.Frozen && l.hangers(f.Name) == 0 {
			f.Name = ""
		}
	})
	for k, a := range l {
		l[k] = a.tidy()
	}
	return l
}

func (a Axis) tidy() Axis {
	var out Axis
	for _, t := range a {
		t = t.tidy()
		if len(out) > 0 {
			if n, ok := out[len(out)-1].inert(); ok {
				if m, ok := t.inert(); ok {
					out[len(out)-1] = Term{{Size: n + m, Frozen: true}}
					continue
				}
			}
		}
		out = append(out, t)
	}
	return out
}

func (t Term) tidy() Term {
	out := Term{}
	for _, f := range t {
		if f.Sum != nil {
			f.Sum = f.Sum.tidy()
			if len(f.Sum) == 1 {
				out = append(out, f.Sum[0]...)
				continue
			}
		}
		last := len(out) - 1
		if last >= 0 && f.still() && out[last].still() {
			out[last].Size *= f.Size
			continue
		}
		out = append(out, f)
	}
	return out
}

func (f Factor) still() bool { return f.Frozen && f.Name == "" && f.Sum == nil && f.Pick == nil }

// inert returns the size of a term in which nothing moves.
func (t Term) inert() (int, bool) {
	switch len(t) {
	case 0:
		return 1, true
	case 1:
		return t[0].Size, t[0].still()
	}
	return 0, false
}

// groups collects the free atoms in order of first sight, with what they are
// under.
func (f *finisher) groups(ws []WeightLayout) {
	f.atoms = map[string]atomInfo{}
	for _, w := range ws {
		w.Layout.each(func(x *Factor) {
			if x.Frozen || x.Name == "" {
				return
			}
			if _, seen := f.atoms[x.Name]; !seen {
				f.order = append(f.order, x.Name)
				f.atoms[x.Name] = atomInfo{size: x.Size, under: map[string]bool{}}
			}
			x.Size = 0
		})
	}
	for a, set := range f.unders {
		info, ok := f.atoms[tag(a)]
		if !ok {
			continue
		}
		for y := range set {
			if _, free := f.atoms[tag(y)]; free {
				info.under[tag(y)] = true
			}
		}
	}
}
