package onnxgraph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// evalDim returns the number d stands for when its symbols have these values;
// false when it holds a symbol without one.
func evalDim(d Dim, bind map[string]int64) (int64, bool) {
	n := d.coef
	for _, f := range d.factors() {
		v, ok := evalFactor(f, bind)
		if !ok {
			return 0, false
		}
		n *= v
	}
	return n, true
}

func evalFactor(f string, bind map[string]int64) (int64, bool) {
	if v, ok := bind[f]; ok {
		return v, true
	}
	for _, name := range []string{"max", "min", "bcast"} {
		if inner, ok := strings.CutPrefix(f, name+"("); ok {
			return evalChoice(name, splitTop(strings.TrimSuffix(inner, ")"), ","), bind)
		}
	}
	switch {
	case strings.HasPrefix(f, "("):
		n := int64(0)
		for _, t := range (Dim{1, f}).terms() {
			v, ok := evalDim(t, bind)
			if !ok {
				return 0, false
			}
			n += v
		}
		return n, true
	case strings.HasPrefix(f, "⌊"):
		num, den, _ := quotientParts(f)
		a, okA := evalDim(num, bind)
		b, okB := evalDim(den, bind)
		if !okA || !okB || b == 0 {
			return 0, false
		}
		if b < 0 {
			a, b = -a, -b
		}
		q, _ := floorInt(a, b)
		return q, true
	}
	return 0, false
}

func evalChoice(name string, args []string, bind map[string]int64) (int64, bool) {
	var vals []int64
	for _, a := range args {
		v, ok := evalDim(parseText(a), bind)
		if !ok {
			return 0, false
		}
		vals = append(vals, v)
	}
	if name == "min" {
		return slices.Min(vals), true
	}
	return slices.Max(vals), true
}

func ExampleDim() {
	h := Symbol("h")
	padded := h.Mul(Size(4)).Add(Size(8))
	fmt.Println(padded, padded.Sub(Size(8)))
	// Output: 4·(h+2) 4·h
}

// Any expression, evaluated with numbers for its symbols, is what the same
// operations give on the numbers themselves.
func TestDimIsTheExpressionItWasMadeOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"h", "w", "batch-size", "it's", "128", "a·b", "(h+4)"}
	checked := 0
	for range 800 {
		bind := map[string]int64{}
		var dims []Dim
		var vals []int64
		for _, n := range names {
			v := 1 + rng.Int64N(40)
			bind[quoted(n)] = v
			dims, vals = append(dims, Symbol(n)), append(vals, v)
		}
		for range 3 {
			v := rng.Int64N(19) - 9
			dims, vals = append(dims, Size(v)), append(vals, v)
		}
		for range 12 {
			i, j := rng.IntN(len(dims)), rng.IntN(len(dims))
			d, v, ok := randomStep(rng, dims[i], dims[j], vals[i], vals[j])
			if !ok || magnitude(v) > 1<<40 || d.Unknown() {
				continue
			}
			got, known := evalDim(d, bind)
			if !known || got != v {
				t.Fatalf("%v, %v give %v = %d, want %d (%v)", dims[i], dims[j], d, got, v, bind)
			}
			checked++
			dims, vals = append(dims, d), append(vals, v)
		}
	}
	if checked < 3000 {
		t.Errorf("only %d expressions checked", checked)
	}
}

// randomStep applies one random operation to two Dims and to their numbers.
func randomStep(rng *rand.Rand, a, b Dim, x, y int64) (Dim, int64, bool) {
	switch rng.IntN(8) {
	case 0:
		return a.Add(b), x + y, true
	case 1:
		return a.Sub(b), x - y, true
	case 2, 3:
		return a.Mul(b), x * y, true
	case 4:
		q, ok := a.Div(b)
		return q, x / max(y, 1), ok && y > 0
	case 5:
		k := 1 + rng.Int64N(7)
		q, _ := floorInt(x, k)
		return a.floorDiv(Size(k)), q, true
	case 6:
		return choice("max", a, b), max(x, y), true
	}
	if y <= 0 {
		return Dim{}, 0, false
	}
	q, _ := floorInt(x, y)
	return a.floorDiv(b), q, true
}

// Expressions that exporters write in different ways meet in one Dim.
func TestDimCanonical(t *testing.T) {
	h, w, n := Symbol("h"), Symbol("w"), Symbol("n")
	half := func(d Dim) Dim { return d.floorDiv(Size(2)) }
	tests := []struct {
		got  Dim
		want string
	}{
		{h.Mul(w).Mul(Size(4)), "4·h·w"},
		{h.Add(Size(2)).Sub(Size(2)), "h"},
		{h.Add(w).Sub(w).Sub(h), "0"},
		{h.Sub(w), "(h-w)"},
		{w.Sub(h), "-(h-w)"},
		{h.Mul(Size(4)).Add(Size(6)), "2·(2·h+3)"},
		{n.Mul(h.Add(Size(4))).Add(n.Mul(Size(2))), "(h+6)·n"},
		{half(h.Sub(Size(1))).Add(Size(1)), "⌊(h+1)/2⌋"},
		{half(half(h)), "⌊h/4⌋"},
		{half(half(h.Add(Size(1))).Add(Size(1))), "⌊(h+3)/4⌋"},
		{half(h.Mul(Size(2)).Add(Size(3))), "(h+1)"},
		{h.Mul(Size(-1)).floorDiv(Size(4)).Mul(Size(-1)), "⌊(h+3)/4⌋"},
		{h.ceilDiv(4), "⌊(h+3)/4⌋"},
		{h.floorDiv(w), "⌊h/w⌋"},
		{h.Mul(w).floorDiv(w), "h"},
		{choice("max", h, w, choice("max", w, h)), "max(h,w)"},
		{Symbol("4"), "'4'"},
		{Symbol("seq+1"), "'seq+1'"},
		{Symbol("").Mul(Size(3)), "?"},
		{h.Add(Symbol("")), "?"},
		{Size(1 << 40).Mul(Size(1 << 40)), "?"},
		{Size(0).Mul(Symbol("")), "0"},
	}
	for i, tt := range tests {
		if tt.got.String() != tt.want {
			t.Errorf("%d: %v, want %v", i, tt.got, tt.want)
		}
	}
	for i := range 30 { // the text stays bounded
		h = h.Add(Symbol("s" + strconv.Itoa(i) + strings.Repeat("x", 40)))
	}
	if !h.Unknown() {
		t.Errorf("a sum of thirty long names is %d bytes long", len(h.syms))
	}
}
