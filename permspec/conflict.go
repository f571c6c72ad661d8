package permspec

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// An axis may be read in two ways, as when channels are shuffled between groups of
// other sizes. Where the parts of the two do not fit into each other they are
// frozen, and the axis keeps both readings. A frozen atom by whose slot others
// differ may then stand in both and mean another slot in each, because something
// else made the groups before the shuffle and those after it one. Nothing is
// under such an atom at that operand.

// conflicts returns the atoms that tell members apart and stand at other slots of
// operand i, as the relation reads it, than as the value itself was laid out.
func (inf *inference) conflicts(r relation, i int) map[int]bool {
	if i >= len(r.own) || len(r.own[i]) != len(r.sig.In[i]) {
		return nil
	}
	own, read := make([]sum, len(r.own[i])), make([]sum, len(r.own[i]))
	for k, a := range r.sig.In[i] {
		own[k], read[k] = inf.resolve(r.own[i][k]), inf.expand(a, r.env)
	}
	out := map[int]bool{}
	for k := range own {
		if own[k].equal(read[k]) {
			continue
		}
		for _, a := range inf.tellers(own[k], read[k]) {
			switch was, is := own[k].has(a), read[k].has(a); {
			case was && is:
				out[a] = out[a] || !inf.agree(own[k], read[k], a)
			case was:
				out[a] = out[a] || standsIn(read, a)
			default:
				out[a] = out[a] || standsIn(own, a)
			}
		}
	}
	return out
}

func standsIn(l []sum, a int) bool {
	return slices.ContainsFunc(l, func(x sum) bool { return x.has(a) })
}

// expand writes what the names of a pattern stand for into it, without giving a
// meaning to those that have none.
func (inf *inference) expand(a Axis, env map[string]sum) sum {
	out := make(sum, len(a))
	for i, t := range a {
		for _, f := range t {
			x := inf.meaning(f, env)
			if x == nil && f.Sum != nil {
				x = inf.expand(f.Sum, env)
			}
			if x == nil {
				x = single(inf.blank(int64(f.Size)))
			}
			out[i] = append(out[i], leaf{sum: x})
		}
	}
	return inf.resolve(out)
}

// blank is an atom of n slots that stands for an order nothing refers to.
func (inf *inference) blank(n int64) int {
	if a, ok := inf.blanks[n]; ok {
		return a
	}
	a := inf.fresh(onnxgraph.Size(n))
	inf.blanks[n] = a
	return a
}

// tellers lists the atoms of x or y by whose slot others differ.
func (s *store) tellers(x, y sum) []int {
	seen := map[int]bool{}
	var out []int
	for _, axis := range []sum{x, y} {
		axis.each(func(a int) {
			if s.atoms[a].over && !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		})
	}
	return out
}

// longest is the number of slots up to which the readings of an axis are compared:
// a file may declare any number.
const longest = 1 << 24

// agree reports whether the atom a has the same slot at every place of the axes x
// and y where it stands in both, false where that cannot be told. (Where it
// stands in one only, nothing is under it in the other.) Cost: the slots of the
// axis.
func (s *store) agree(x, y sum, a int) bool {
	for _, axis := range []sum{x, y} {
		size, ok := s.size(axis)
		if n, known := size.Known(); !ok || !known || n > longest {
			return false
		}
	}
	p, ok := s.slotsOf(x, a)
	q, same := s.slotsOf(y, a)
	if !ok || !same || len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != 0 && q[i] != 0 && p[i] != q[i] {
			return false
		}
	}
	return true
}

// slotsOf gives the slot of a at each place of x, counted from 1; 0 where a does
// not stand. It gives up where that cannot be told, or a stands twice at one place.
func (s *store) slotsOf(x sum, a int) ([]int64, bool) {
	var out []int64
	for _, p := range x {
		term := []int64{0}
		for _, l := range p {
			factor, ok := s.slotsOfLeaf(l, a)
			if !ok {
				return nil, false
			}
			if term, ok = outer(term, factor); !ok {
				return nil, false
			}
		}
		out = append(out, term...)
	}
	return out, true
}

func (s *store) slotsOfLeaf(l leaf, a int) ([]int64, bool) {
	if l.sum != nil {
		return s.slotsOf(l.sum, a)
	}
	n := s.known(l.atom)
	if n < 0 || n > longest { // beside a factor of no slots
		return nil, false
	}
	out := make([]int64, n)
	if l.atom == a {
		for i := range out {
			out[i] = int64(i) + 1
		}
	}
	return out, true
}

// outer combines the slots of two factors, the slower first.
func outer(slow, fast []int64) ([]int64, bool) {
	out := make([]int64, 0, len(slow)*len(fast))
	for _, p := range slow {
		for _, q := range fast {
			if p > 0 && q > 0 {
				return nil, false
			}
			out = append(out, p+q)
		}
	}
	return out, true
}
