package onnxgraph

import "math"

// elem is one element of a folded tensor: an integer, perhaps symbolic; a
// fraction of one, as exporters make when they compute sizes in floating point;
// or a real number. An elem with an unknown Dim says nothing.
type elem struct {
	dim  Dim
	den  int64   // the element is dim/den; 1 for integers
	real float64 // the element itself, when isReal
	// isReal marks a known number that is no integer; dim is unknown then.
	isReal bool
}

var unknownElem = whole(Symbol(""))

// whole returns the integer d.
func whole(d Dim) elem { return elem{dim: d, den: 1} }

// number returns a known number.
func number(f float64) elem {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return whole(Size(int64(f)))
	}
	return elem{dim: Symbol(""), den: 1, real: f, isReal: true}
}

// truth returns a boolean.
func truth(b bool) elem {
	if b {
		return whole(Size(1))
	}
	return whole(Size(0))
}

// known returns the number, if it is one.
func (e elem) known() (float64, bool) {
	if e.isReal {
		return e.real, true
	}
	n, ok := e.dim.Known()
	return float64(n) / float64(e.den), ok
}

// fraction reports whether e is no integer, as far as is known.
func (e elem) fraction() bool { return e.isReal || e.den != 1 }

// unknown reports whether nothing is known of e.
func (e elem) unknown() bool { return !e.isReal && e.dim.Unknown() }

// ratio returns a real number as a fraction when its denominator is a small
// power of two, as 0.5 and 2.75 are.
func (e elem) ratio() elem {
	if !e.isReal {
		return e
	}
	for den := int64(2); den <= 1<<10; den *= 2 {
		if n := e.real * float64(den); n == math.Trunc(n) && math.Abs(n) < 1<<31 {
			return elem{dim: Size(int64(n)), den: den}
		}
	}
	return unknownElem
}

// over returns dim/den in lowest terms as far as they are known.
func over(dim Dim, den int64) elem {
	if den < 0 {
		dim, den = dim.Mul(Size(-1)), -den
	}
	if q, ok := dim.Div(Size(den)); ok {
		return whole(q)
	}
	g := int64(gcd(magnitude(dim.coef), magnitude(den)))
	q, ok := dim.Div(Size(g))
	if !ok || dim.Unknown() {
		return unknownElem
	}
	return elem{dim: q, den: den / g}
}

// lift applies f to two known numbers, and g to fractions otherwise.
func lift(a, b elem, f func(x, y float64) float64, g func(a, b elem) elem) elem {
	x, okX := a.known()
	y, okY := b.known()
	if okX && okY && (a.fraction() || b.fraction()) {
		return number(f(x, y))
	}
	a, b = a.ratio(), b.ratio()
	if a.unknown() || b.unknown() {
		return unknownElem
	}
	return g(a, b)
}

func addElem(a, b elem) elem {
	return lift(a, b, func(x, y float64) float64 { return x + y }, func(a, b elem) elem {
		return over(a.dim.Mul(Size(b.den)).Add(b.dim.Mul(Size(a.den))), a.den*b.den)
	})
}

func subElem(a, b elem) elem { return addElem(a, mulElem(b, whole(Size(-1)))) }

func mulElem(a, b elem) elem {
	zero := whole(Size(0))
	if a == zero || b == zero {
		return zero
	}
	return lift(a, b, func(x, y float64) float64 { return x * y }, func(a, b elem) elem {
		return over(a.dim.Mul(b.dim), a.den*b.den)
	})
}

// divElem is division of real numbers.
func divElem(a, b elem) elem {
	return lift(a, b, func(x, y float64) float64 { return x / y }, func(a, b elem) elem {
		n, known := b.dim.Known()
		switch {
		case known && n == 0:
			return unknownElem
		case known:
			den, ok := mulInt(a.den, n)
			if !ok {
				return unknownElem
			}
			return over(a.dim.Mul(Size(b.den)), den)
		}
		if q, ok := a.dim.Mul(Size(b.den)).Div(b.dim); ok {
			return over(q, a.den)
		}
		return unknownElem
	})
}

// floor returns ⌊e⌋.
func (e elem) floor() elem {
	if e.isReal {
		return number(math.Floor(e.real))
	}
	return whole(e.dim.floorDiv(Size(e.den)))
}

// integers returns the integers among elements; the others are unknown.
func integers(elems []elem) []Dim {
	dims := make([]Dim, len(elems))
	for i, e := range elems {
		dims[i] = e.dim
		if e.fraction() {
			dims[i] = Symbol("")
		}
	}
	return dims
}
