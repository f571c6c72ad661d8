package onnxgraph

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Dim is the size of one tensor axis, or one element of an integer tensor: a
// known number, or a symbolic product such as 4·batch. Sums and quotients that
// are no products, such as (h+4) or ⌊h/2⌋, stand in a product as one factor.
//
// Dims are comparable: two symbolic Dims are equal only when they are certainly
// the same number. The one exception is the unknown Dim, Symbol(""), which says
// nothing and swallows whatever is computed with it. The zero Dim is 0.
type Dim struct {
	coef int64
	syms string // canonical factors, sorted and joined by "·"; "" for a known number
}

const (
	times    = "·"
	unknown  = "?"
	reserved = "·?'()[]#+-/,⌊⌋" // a name with one of these stands in quotes

	// maxSymbols bounds the text of one Dim: a longer expression is unknown.
	maxSymbols = 512
)

// Size returns the known Dim n.
func Size(n int64) Dim { return Dim{coef: n} }

// Symbol returns a size known by name only: equal names are equal sizes. The
// empty name is an axis of which nothing is known.
func Symbol(name string) Dim {
	if name == "" {
		return Dim{1, unknown}
	}
	return Dim{1, quoted(name)}
}

// quoted returns a name as it stands in the text of a Dim.
func quoted(name string) string {
	_, err := strconv.ParseInt(name, 10, 64)
	if err == nil || name == "" || strings.ContainsAny(name, reserved) {
		return "'" + strings.ReplaceAll(name, "'", "''") + "'"
	}
	return name
}

// Known returns the number, or false when d is symbolic or unknown.
func (d Dim) Known() (int64, bool) { return d.coef, d.syms == "" }

// Unknown reports whether nothing at all is known of d, not even a name.
func (d Dim) Unknown() bool { return d.syms == unknown }

// String returns d as it is printed in layouts and messages: 12, batch, 4·h·w,
// (h+4), ⌊h/2⌋, and ? for an unknown size.
func (d Dim) String() string {
	switch {
	case d.syms == "":
		return strconv.FormatInt(d.coef, 10)
	case d.coef == 1:
		return d.syms
	case d.coef == -1:
		return "-" + d.syms
	}
	return strconv.FormatInt(d.coef, 10) + times + d.syms
}

// Mul returns d·e; unknown when the coefficient leaves int64.
func (d Dim) Mul(e Dim) Dim {
	if d == (Dim{}) || e == (Dim{}) {
		return Dim{}
	}
	if d.Unknown() || e.Unknown() {
		return Symbol("")
	}
	coef, ok := mulInt(d.coef, e.coef)
	if !ok {
		return Symbol("")
	}
	return product(coef, append(d.factors(), e.factors()...))
}

// Div returns the exact quotient d/e, or false when e does not certainly divide
// d. A symbolic factor of e is taken not to be zero.
func (d Dim) Div(e Dim) (Dim, bool) {
	if e.coef == 0 || d.Unknown() || e.Unknown() || d.coef%e.coef != 0 {
		return Dim{}, false
	}
	if d.coef == 0 {
		return Dim{}, true
	}
	rest := d.factors()
	for _, f := range e.factors() {
		i := slices.Index(rest, f)
		if i < 0 {
			return Dim{}, false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return product(d.coef/e.coef, rest), true
}

// product returns coef times the factors, in canonical order.
func product(coef int64, factors []string) Dim {
	slices.Sort(factors)
	syms := strings.Join(factors, times)
	switch {
	case coef == 0:
		return Dim{}
	case len(factors) > 1 && len(syms) > maxSymbols:
		return Symbol("")
	}
	return Dim{coef, syms}
}

// factors returns the symbolic factors of d, a fresh slice.
func (d Dim) factors() []string {
	if d.syms == "" {
		return nil
	}
	return splitTop(d.syms, times)
}

// splitTop cuts s at the separator wherever it stands outside quotes and
// brackets.
func splitTop(s, sep string) []string {
	var parts []string
	depth, quoted, start := 0, false, 0
	for i, r := range s {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '⌊':
			depth++
		case r == ')' || r == '⌋':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], sep):
			parts = append(parts, s[start:i])
			start = i + len(sep)
		}
	}
	return append(parts, s[start:])
}

// mulInt returns a·b, or false when it overflows.
func mulInt(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// magnitude returns |a| without overflow.
func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// isSymbol reports whether a factor is a bare symbol, no composed expression.
func isSymbol(f string) bool {
	for _, open := range []string{"(", "⌊", "max(", "min(", "bcast("} {
		if strings.HasPrefix(f, open) {
			return false
		}
	}
	return true
}

// unit returns d without its number, the sign kept.
func (d Dim) unit() Dim {
	if d.coef < 0 {
		return Dim{-1, d.syms}
	}
	return Dim{1, d.syms}
}
