package assigntest

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

// sums are the values of the instances below as scipy finds them.
//
//go:generate python3 testdata/sums.py
//go:embed testdata/sums.txt
var sums string

func expected(t *testing.T, assign Func) {
	for line := range strings.Lines(sums) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var kind string
		var rows, cols int
		var seed uint64
		var want float64
		if _, err := fmt.Sscan(line, &kind, &rows, &cols, &seed, &want); err != nil {
			t.Fatalf("sums.txt: %q: %v", line, err)
		}
		_, got := solve(t, assign, rows, cols, Instance(kind, rows, cols, seed), nil)
		if got != want {
			t.Errorf("%s %d by %d, seed %d: worth %v, want %v", kind, rows, cols, seed, got, want)
		}
	}
}

// Instance returns gains of one of the kinds that weights give, all of them
// small integers, the same as testdata/sums.py makes:
//
//	uniform   independent, uniform
//	gram      A·Bᵀ of independent A and B of 64 columns
//	heavy     the same with rows of very different norm
//	planted   A·(PA + noise)ᵀ, so that the best assignment is P
//	coarse    few values, many ties
func Instance(kind string, rows, cols int, seed uint64) []float64 {
	r := splitmix(seed)
	gain := make([]float64, rows*cols)
	switch kind {
	case "uniform":
		for k := range gain {
			gain[k] = float64(r.below(1 << 20))
		}
		return gain
	case "coarse":
		for k := range gain {
			gain[k] = float64(r.below(10))
		}
		return gain
	}
	const width = 64
	a, b := r.matrix(rows, width), r.matrix(cols, width)
	if kind == "planted" {
		for k := range b {
			b[k] += 2 * a[(k+width*17)%len(a)]
		}
	}
	scale := func(m []float64) {
		for i := 0; i < len(m); i += width {
			f := float64(int(1) << r.below(6))
			for k := range width {
				m[i+k] *= f
			}
		}
	}
	if kind == "heavy" {
		scale(a)
		scale(b)
	}
	for i := range rows {
		for j := range cols {
			for k := range width {
				gain[i*cols+j] += a[i*width+k] * b[j*width+k]
			}
		}
	}
	return gain
}

// splitmix is the generator of Steele, Lea and Flood (2014), so that other
// languages can make the same instances.
type splitmix uint64

func (s *splitmix) below(n uint64) uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) >> 32 % n
}

// matrix returns integers from -15 to 15.
func (s *splitmix) matrix(rows, cols int) []float64 {
	m := make([]float64, rows*cols)
	for k := range m {
		m[k] = float64(s.below(31)) - 15
	}
	return m
}
