package f32

import "math"

// Pieces says how the rows of C are cut: columns lie in pieces of Len, whose beginnings are Step apart. A convolution
// of several images has them side by side as columns, while the result of each is a matrix of its own. The zero
// Pieces is rows in one piece.
type Pieces struct{ Len, Step int }

// at returns the offset of column j from the start of its row.
func (p Pieces) at(j int) int {
	if p.Len == 0 {
		return j
	}
	return j/p.Len*p.Step + j%p.Len
}

// run returns how many columns from j on are contiguous.
func (p Pieces) run(j int) int {
	if p.Len == 0 {
		return math.MaxInt
	}
	return p.Len - j%p.Len
}

// width returns how far the part of a row of n columns reaches that rows may not share.
func (p Pieces) width(n int) int {
	if p.Len == 0 {
		return n
	}
	return min(n, p.Len)
}
