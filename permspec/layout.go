package permspec

import (
	"strconv"
	"strings"
)

// Layout says, for each axis of a tensor, which atoms its slots belong to.
type Layout []Axis

// Axis is a sum of terms: their slots stand side by side.
type Axis []Term

// Term is a product of factors, slowest first: its slots are the combinations
// of theirs. A Term without factors is one slot, written 1.
type Term []Factor

// Factor is one coordinate of a term: an atom, a sum in parentheses, or a
// choice among factors by the slot of another.
type Factor struct {
	Name   string // "" for a frozen factor without a name
	Size   int    // number of slots; 0 when not known
	Frozen bool   // written #Size, or Name#Size when another factor refers to it
	Sum    Axis   // a sum of two or more terms

	// By and Pick make a choice: at slot k of the factor named By the
	// coordinate is Pick[k]. Written {By:p|q|r}.
	By   string
	Pick []Factor
	// Sel, in signatures only, takes member Slot of a choice; written p[By=Slot].
	Sel  bool
	Slot int
}

// String returns the layout in the notation of the package comment.
func (l Layout) String() string {
	axes := make([]string, len(l))
	for i, a := range l {
		axes[i] = a.String()
	}
	return strings.Join(axes, " ")
}

// String returns the axis in the notation of the package comment.
func (a Axis) String() string {
	terms := make([]string, len(a))
	for i, t := range a {
		terms[i] = t.String()
	}
	return strings.Join(terms, "+")
}

// String returns the term in the notation of the package comment.
func (t Term) String() string {
	switch len(t) {
	case 0:
		return "1"
	case 1:
		return t[0].String()
	}
	parts := make([]string, len(t))
	for i, f := range t {
		parts[i] = f.String()
	}
	return "(" + strings.Join(parts, " ") + ")"
}

// String returns the factor in the notation of the package comment.
func (f Factor) String() string {
	switch {
	case f.Sum != nil:
		return "(" + f.Sum.String() + ")"
	case f.Pick != nil:
		parts := make([]string, len(f.Pick))
		for i, p := range f.Pick {
			if parts[i] = p.String(); p.Sum != nil {
				parts[i] = p.Sum.String()
			}
		}
		return "{" + f.By + ":" + strings.Join(parts, "|") + "}"
	case f.Sel:
		return f.Name + "[" + f.By + "=" + strconv.Itoa(f.Slot) + "]"
	case f.Frozen && f.Size > 0:
		return f.Name + "#" + strconv.Itoa(f.Size)
	case f.Frozen:
		return "#" + f.Name
	}
	return f.Name
}
