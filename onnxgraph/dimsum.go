package onnxgraph

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Add returns d+e: a product where the terms allow it, otherwise a product with
// the sum as one factor, as in 4·(h+1).
func (d Dim) Add(e Dim) Dim {
	if d.syms == "" && e.syms == "" {
		s, ok := addInt(d.coef, e.coef)
		if !ok {
			return Symbol("")
		}
		return Size(s)
	}
	return sum([]Dim{d, e})
}

// Sub returns d-e.
func (d Dim) Sub(e Dim) Dim { return d.Add(e.Mul(Size(-1))) }

// sum returns the canonical sum: common factors pulled out, like terms merged,
// terms sorted by their symbols with the number last, and the first one positive.
// The cost is quadratic in the number of factors, which maxSymbols bounds.
func sum(terms []Dim) Dim {
	if slices.ContainsFunc(terms, Dim.Unknown) {
		return Symbol("")
	}
	terms = slices.DeleteFunc(terms, func(t Dim) bool { return t.coef == 0 })
	switch len(terms) {
	case 0:
		return Dim{}
	case 1:
		return terms[0]
	}
	common := commonFactor(terms)
	if common.syms != "" {
		return sum(quotients(terms, common)).Mul(common)
	}
	terms, ok := mergeLike(terms)
	if !ok {
		return Symbol("")
	}
	if len(terms) < 2 || commonFactor(terms).syms != "" {
		return sum(terms)
	}
	common.coef = commonFactor(terms).coef
	return sumFactor(quotients(terms, common)).Mul(common)
}

// mergeLike opens the sums among the terms and adds up terms of equal symbols;
// false when a coefficient leaves int64.
func mergeLike(terms []Dim) ([]Dim, bool) {
	var open []Dim
	for _, t := range terms {
		open = append(open, t.terms()...)
	}
	slices.SortFunc(open, func(a, b Dim) int {
		if (a.syms == "") != (b.syms == "") {
			return cmp.Compare(len(b.syms), len(a.syms))
		}
		return cmp.Compare(a.syms, b.syms)
	})
	var merged []Dim
	for _, t := range open {
		if t.Unknown() {
			return nil, false
		}
		last := len(merged) - 1
		if last < 0 || merged[last].syms != t.syms {
			merged = append(merged, t)
			continue
		}
		coef, ok := addInt(merged[last].coef, t.coef)
		if !ok {
			return nil, false
		}
		merged[last].coef = coef
	}
	return slices.DeleteFunc(merged, func(t Dim) bool { return t.coef == 0 }), true
}

// terms returns the terms of d when d is a multiple of a sum, otherwise d alone.
func (d Dim) terms() []Dim {
	f := d.factors()
	if len(f) != 1 || !strings.HasPrefix(f[0], "(") {
		return []Dim{d}
	}
	var terms []Dim
	inner := f[0][1 : len(f[0])-1]
	for _, plus := range splitTop(inner, "+") {
		for i, text := range splitTop(plus, "-") {
			t := parseTerm(text)
			if i > 0 {
				t.coef = -t.coef
			}
			terms = append(terms, t.Mul(Size(d.coef)))
		}
	}
	return terms
}

// sumFactor returns the sum of primitive, sorted terms as one factor.
func sumFactor(terms []Dim) Dim {
	var text strings.Builder
	text.WriteString("(")
	for i, t := range terms {
		if i > 0 && t.coef > 0 {
			text.WriteString("+")
		}
		text.WriteString(t.String())
	}
	text.WriteString(")")
	return factor(text.String())
}

// factor returns the Dim of one composed factor, unknown when it is too long.
func factor(text string) Dim {
	if len(text) > maxSymbols {
		return Symbol("")
	}
	return Dim{1, text}
}

// commonFactor returns the largest product that divides all terms; its sign is
// that of the first term.
func commonFactor(terms []Dim) Dim {
	g, factors := uint64(0), terms[0].factors()
	for _, t := range terms {
		g = gcd(g, magnitude(t.coef))
		rest := t.factors()
		factors = slices.DeleteFunc(factors, func(f string) bool {
			i := slices.Index(rest, f)
			if i >= 0 {
				rest = slices.Delete(rest, i, i+1)
			}
			return i < 0
		})
	}
	if g > math.MaxInt64 {
		g = 1
	}
	coef := int64(g)
	if terms[0].coef < 0 {
		coef = -coef
	}
	return product(coef, factors)
}

// quotients returns the terms divided by a common factor.
func quotients(terms []Dim, by Dim) []Dim {
	q := make([]Dim, len(terms))
	for i, t := range terms {
		q[i], _ = t.Div(by)
	}
	return q
}

// addInt returns a+b, or false when it overflows.
func addInt(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

// gcd returns the greatest common divisor; gcd(0, b) is b.
func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
