package onnxgraph

import (
	"slices"
	"strconv"
	"strings"
)

// floorDiv returns ⌊d/e⌋. Whole parts are taken out and nested quotients
// joined, so that equal windows give equal Dims: ⌊(h-1)/2⌋+1 is ⌊(h+1)/2⌋, and
// halving twice is ⌊h/4⌋.
func (d Dim) floorDiv(e Dim) Dim {
	if q, ok := d.Div(e); ok {
		return q
	}
	if d.Unknown() || e.Unknown() || e.coef == 0 {
		return Symbol("")
	}
	if e.coef < 0 {
		return d.Mul(Size(-1)).floorDiv(e.Mul(Size(-1)))
	}
	if by, ok := e.Known(); ok {
		return floorKnown(d, by)
	}
	return quotientFactor(d, e)
}

// ceilDiv returns ⌈d/by⌉ for a positive number by.
func (d Dim) ceilDiv(by int64) Dim { return d.Add(Size(by - 1)).floorDiv(Size(by)) }

// floorKnown returns ⌊d/by⌋ for a positive number by. A numerator that starts
// with a negative term is turned round: ⌊-h/2⌋ = -⌊(h+1)/2⌋.
func floorKnown(d Dim, by int64) Dim {
	whole, rest := Dim{}, Dim{}
	for _, t := range d.terms() {
		q := t.coef / by
		whole = whole.Add(Dim{1, t.syms}.Mul(Size(q)))
		rest = rest.Add(Dim{1, t.syms}.Mul(Size(t.coef - q*by)))
	}
	if rest.Unknown() || whole.Unknown() {
		return Symbol("")
	}
	if n, ok := rest.Known(); ok {
		q, _ := floorInt(n, by)
		return whole.Add(Size(q))
	}
	if first := rest.terms()[0]; first.coef < 0 {
		return whole.Sub(floorKnown(rest.Mul(Size(-1)).Add(Size(by-1)), by))
	}
	return whole.Add(floorProper(rest, by))
}

// floorProper is floorKnown for a numerator that starts with a positive term
// and whose coefficients are all less than by.
func floorProper(d Dim, by int64) Dim {
	whole, rest := Dim{}, Dim{}
	for _, t := range d.terms() {
		q, r := floorInt(t.coef, by)
		whole = whole.Add(Dim{1, t.syms}.Mul(Size(q)))
		rest = rest.Add(Dim{1, t.syms}.Mul(Size(r)))
	}
	if rest.Unknown() || whole.Unknown() {
		return Symbol("")
	}
	rest, by = reduce(rest, by)
	if num, den, ok := unnest(rest, by); ok {
		return whole.Add(floorKnown(num, den))
	}
	return whole.Add(quotientFactor(rest, Size(by)))
}

// reduce cancels what the symbolic terms of a numerator share with the divisor:
// ⌊(2·h+3)/4⌋ = ⌊(h+1)/2⌋.
func reduce(d Dim, by int64) (Dim, int64) {
	g := uint64(by)
	for _, t := range d.terms() {
		if t.syms != "" {
			g = gcd(g, magnitude(t.coef))
		}
	}
	reduced := Dim{}
	for _, t := range d.terms() {
		q, _ := floorInt(t.coef, int64(g))
		reduced = reduced.Add(Dim{1, t.syms}.Mul(Size(q)))
	}
	return reduced, by / int64(g)
}

// unnest turns (⌊x/a⌋+y)/by into (x+a·y)/(a·by).
func unnest(d Dim, by int64) (Dim, int64, bool) {
	terms := d.terms()
	i := slices.IndexFunc(terms, func(t Dim) bool {
		return t.coef == 1 && len(t.factors()) == 1 && strings.HasPrefix(t.syms, "⌊")
	})
	if i < 0 {
		return Dim{}, 0, false
	}
	num, outer, ok := quotientParts(terms[i].syms)
	a, known := outer.Known()
	if !ok || !known {
		return Dim{}, 0, false
	}
	den, ok := mulInt(a, by)
	if !ok {
		return Dim{}, 0, false
	}
	others := sum(slices.Delete(slices.Clone(terms), i, i+1))
	return num.Add(others.Mul(Size(a))), den, true
}

// quotientParts takes a quotient factor ⌊num/den⌋ apart.
func quotientParts(f string) (num, den Dim, ok bool) {
	parts := splitTop(strings.TrimSuffix(strings.TrimPrefix(f, "⌊"), "⌋"), "/")
	if len(parts) != 2 {
		return Dim{}, Dim{}, false
	}
	return parseText(parts[0]), parseText(parts[1]), true
}

// quotientFactor returns ⌊d/e⌋ as one factor.
func quotientFactor(d, e Dim) Dim { return factor("⌊" + d.String() + "/" + e.String() + "⌋") }

// parseText reads back the text of a Dim.
func parseText(text string) Dim {
	rest, negative := strings.CutPrefix(text, "-")
	d := parseTerm(rest)
	if negative {
		d.coef = -d.coef
	}
	return d
}

// parseTerm reads back the text of a Dim without its sign.
func parseTerm(text string) Dim {
	d := Dim{coef: 1}
	var factors []string
	for _, f := range splitTop(text, times) {
		if n, err := strconv.ParseInt(f, 10, 64); err == nil {
			d.coef = n
			continue
		}
		factors = append(factors, f)
	}
	return product(d.coef, factors)
}

// floorInt returns q and r with a = q·b+r and 0 ≤ r < b.
func floorInt(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

// choice returns a symmetric, idempotent function of sizes as one factor:
// max(a,b), min(a,b), or the size that a and b broadcast to. The functions are
// associative, so nested ones are joined.
func choice(name string, dims ...Dim) Dim {
	var args []string
	for _, d := range dims {
		if d.Unknown() {
			return Symbol("")
		}
		inner, nested := strings.CutPrefix(d.String(), name+"(")
		if nested && len(d.factors()) == 1 {
			args = append(args, splitTop(strings.TrimSuffix(inner, ")"), ",")...)
			continue
		}
		args = append(args, d.String())
	}
	slices.Sort(args)
	args = slices.Compact(args)
	if len(args) == 1 {
		return dims[0]
	}
	return factor(name + "(" + strings.Join(args, ",") + ")")
}
