package permspec

// Layout says, for each axis of a tensor, which atoms its slots belong to.
type Layout []Axis

// Axis is a sum of terms: their slots stand side by side. An Axis without terms
// has no slots.
type Axis []Term

// Term is a product of factors, slowest first: its slots are the combinations
// of theirs. A Term without factors is one slot, written 1.
type Term []Factor

// Factor is an atom, or a sum in parentheses.
type Factor struct {
	Name   string // "" for a frozen factor without a name
	Size   int    // number of slots; 0 when not known
	Frozen bool   // written #Size, or Name#Size when a name is needed
	Sum    Axis   // set for a sum; then the other fields are empty
}
