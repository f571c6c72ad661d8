package permspec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// finish fuses atoms that are under each other, makes the rest an order, and
// gives groups and frozen partners their letters.
func (f *finisher) finish(ws []WeightLayout) []Group {
	f.fuseAll(ws)
	f.orient()
	f.close()
	f.flatten()
	f.sort()
	names, at := map[string]string{}, f.positions()
	var groups []Group
	for i, a := range f.order {
		names[a] = letters(i)
		g := Group{Name: letters(i), Size: f.atoms[a].size}
		for _, y := range f.above(a, at) {
			g.Under = append(g.Under, at[y])
		}
		groups = append(groups, g)
	}
	for _, w := range ws {
		w.Layout.rename(names)
	}
	return groups
}

// positions tells where each atom stands in the order.
func (f *finisher) positions() map[string]int {
	at := make(map[string]int, len(f.order))
	for i, x := range f.order {
		at[x] = i
	}
	return at
}

// above lists what x is under, in order.
func (f *finisher) above(x string, at map[string]int) []string {
	return slices.SortedFunc(maps.Keys(f.atoms[x].under), func(y, z string) int { return cmp.Compare(at[y], at[z]) })
}

// rename gives every atom its name; partners of choices get capital letters.
func (l Layout) rename(names map[string]string) {
	partner := map[string]string{}
	l.each(func(f *Factor) {
		switch n, free := names[f.Name]; {
		case free:
			f.Name = n
		case f.Name != "":
			if partner[f.Name] == "" {
				partner[f.Name] = string(rune('A' + len(partner)))
			}
			f.Name = partner[f.Name]
		}
	})
	var by func(f *Factor)
	by = func(f *Factor) {
		for _, t := range f.Sum {
			for i := range t {
				by(&t[i])
			}
		}
		if f.Pick != nil {
			if f.By = partner[f.By]; f.By == "" {
				f.By = "?"
			}
			for i := range f.Pick {
				by(&f.Pick[i])
			}
		}
	}
	for _, a := range l {
		by(&Factor{Sum: a})
	}
}

// letters counts a … z, aa, ab ….
func letters(i int) string {
	s := string(rune('a' + i%26))
	if i >= 26 {
		s = letters(i/26-1) + s
	}
	return s
}

// fuseAll makes one atom of two that are under each other and always stand side
// by side in one order: both kinds of permutation together generate every
// permutation of the pairs.
func (f *finisher) fuseAll(ws []WeightLayout) {
	stands := map[string][]Layout{}
	for _, w := range ws {
		seen := map[string]bool{}
		w.Layout.each(func(x *Factor) {
			if !seen[x.Name] {
				seen[x.Name] = true
				stands[x.Name] = append(stands[x.Name], w.Layout)
			}
		})
	}
	at := f.positions()
	for _, x := range slices.Clone(f.order) {
		for y := f.neighbour(x, at, stands); y != ""; y = f.neighbour(x, at, stands) {
			f.fuse(stands, x, y)
		}
	}
}

// neighbour returns an atom to fuse with x, "" when there is none.
func (f *finisher) neighbour(x string, at map[string]int, stands map[string][]Layout) string {
	for _, y := range f.above(x, at) {
		if f.atoms[y].under[x] && adjacent(slices.Concat(stands[x], stands[y]), x, y) {
			return y
		}
	}
	return ""
}

// adjacent reports whether x, wherever it stands, stands right before y, and y
// right behind x.
func adjacent(layouts []Layout, x, y string) bool {
	ok := true
	var axis func(a Axis)
	var factor func(f Factor)
	factor = func(f Factor) {
		axis(f.Sum)
		for _, p := range f.Pick {
			if p.Name == x || p.Name == y {
				ok = false
			}
			factor(p)
		}
	}
	axis = func(a Axis) {
		for _, t := range a {
			for i, f := range t {
				if f.Name == x && (i+1 >= len(t) || t[i+1].Name != y) || f.Name == y && (i == 0 || t[i-1].Name != x) {
					ok = false
				}
				factor(f)
			}
		}
	}
	for _, l := range layouts {
		for _, a := range l {
			axis(a)
		}
	}
	return ok
}

// fuse replaces (x y) by one atom, which keeps the name of x.
func (f *finisher) fuse(stands map[string][]Layout, x, y string) {
	var axis func(a Axis)
	axis = func(a Axis) {
		for i, t := range a {
			a[i] = slices.DeleteFunc(t, func(g Factor) bool { return g.Name == y })
			for _, g := range a[i] {
				axis(g.Sum)
				for _, p := range g.Pick {
					axis(p.Sum)
				}
			}
		}
	}
	for _, l := range stands[y] {
		for _, a := range l {
			axis(a)
		}
	}
	delete(stands, y)
	both := atomInfo{size: f.atoms[x].size * f.atoms[y].size, under: map[string]bool{}}
	for z := range f.atoms[x].under {
		if f.atoms[y].under[z] {
			both.under[z] = true
		}
	}
	f.atoms[x] = both
	delete(f.atoms, y)
	f.order = slices.DeleteFunc(f.order, func(z string) bool { return z == y })
	for _, info := range f.atoms {
		if !info.under[y] {
			delete(info.under, x) // what was under only one of them is under neither
		}
		delete(info.under, y)
	}
}

// orient breaks what is left of mutual nesting: the atom seen first stays
// outside.
func (f *finisher) orient() {
	at := f.positions()
	for _, x := range f.order {
		for _, y := range f.above(x, at) {
			if at[y] > at[x] && f.atoms[y].under[x] {
				delete(f.atoms[x].under, y)
			}
		}
	}
}

// close keeps "under" transitive: x stays under y only when it is under all
// that y is under.
func (f *finisher) close() {
	at := f.positions()
	for again := true; again; {
		again = false
		for _, x := range f.order {
			for _, y := range f.above(x, at) {
				for z := range f.atoms[y].under {
					if z == x || !f.atoms[x].under[z] {
						delete(f.atoms[x].under, y)
						again = true
						break
					}
				}
			}
		}
	}
}

// deepest is how deep groups may be nested: units of heads of groups of heads.
const deepest = 2

// flatten leaves no atom under one that is itself nested as deep as is allowed:
// it is permuted alike in all slots of that one. The time of matching grows
// exponentially with the depth; flattened outer products of many axes, which
// would be the deepest, do not occur in networks that are trained.
func (f *finisher) flatten() {
	depths := map[string]int{}
	var depth func(x string) int
	depth = func(x string) int {
		if d, known := depths[x]; known {
			return d
		}
		d := 0
		for y := range f.atoms[x].under {
			d = max(d, 1+depth(y))
		}
		depths[x] = d
		return d
	}
	for _, x := range f.order {
		depth(x)
	}
	for _, x := range f.order {
		maps.DeleteFunc(f.atoms[x].under, func(y string, _ bool) bool { return depths[y] >= deepest })
	}
}

// sort puts every atom behind those it is under, else in order of first sight.
func (f *finisher) sort() {
	var out []string
	at, placed := f.positions(), map[string]bool{}
	var place func(x string)
	place = func(x string) {
		if placed[x] {
			return
		}
		placed[x] = true
		for _, y := range f.above(x, at) {
			place(y)
		}
		out = append(out, x)
	}
	for _, x := range f.order {
		place(x)
	}
	f.order = out
}

// index computes the Blocks of every weight from its Layout.
func (s *Spec) index() error {
	index := map[string]int{}
	for i, g := range s.Groups {
		if _, twice := index[g.Name]; twice {
			return fmt.Errorf("permspec: two groups are called %q", g.Name)
		}
		index[g.Name] = i
	}
	for i := range s.Weights {
		w := &s.Weights[i]
		var err error
		if w.Blocks, err = blocksOf(w.Layout, w.Weight.Shape, s.Groups, index); err != nil {
			return &involvedError{w.Weight, err}
		}
	}
	return nil
}

// involvedError says that a weight's layout cannot be cut into blocks.
type involvedError struct {
	weight *onnxgraph.Weight
	err    error
}

func (e *involvedError) Error() string {
	return fmt.Sprintf("permspec: weight %q: %v", e.weight.Name, e.err)
}

func (e *involvedError) Unwrap() error { return e.err }
