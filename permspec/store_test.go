package permspec

import (
	"math/rand/v2"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Whatever axes meet, unification comes to an end, keeps the sizes of all it
// touches, and leaves both sides the same or frozen.
func TestUnifyAnything(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		unifyAnything(t, rng.IntN)
	}
}

// FuzzUnify is TestUnifyAnything with the choices taken from bytes, 0 where
// they end.
func FuzzUnify(f *testing.F) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		choices := make([]byte, 20+rng.IntN(150))
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		unifyAnything(t, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			k := int(choices[0]) % n
			choices = choices[1:]
			return k
		})
	})
}

// unifyAnything unifies expressions that choose, which returns a number below
// its argument, makes up.
func unifyAnything(t *testing.T, choose func(n int) int) {
	s := &store{origins: map[*cause][]int{}}
	sizes := []int64{1, 2, 2, 3, 4, 6, 8, 12, 12, 24, 24, 24}
	var atoms []int
	for range 8 {
		atoms = append(atoms, s.fresh(onnxgraph.Size(sizes[choose(len(sizes))])))
	}
	var expr func(depth int) sum
	expr = func(depth int) sum {
		var x sum
		for range 1 + choose(3)/2*choose(3) {
			var p prod
			for k := range 1 + choose(2) {
				if depth > 0 && k == 1 {
					p = append(p, leaf{sum: expr(depth - 1)})
				} else {
					p = append(p, leaf{atom: atoms[choose(len(atoms))]})
				}
			}
			x = append(x, p)
		}
		return x
	}
	type pair struct {
		x, y sum
		n, m onnxgraph.Dim
	}
	var pairs []pair
	for range 6 {
		x, y := expr(1), expr(1)
		n, _ := s.size(s.resolve(x))
		m, _ := s.size(s.resolve(y))
		pairs = append(pairs, pair{x, y, n, m})
		s.steps = 0
		switch choose(4) {
		case 0:
			s.unify(s.pick(x, atoms[0], choose(2)), y, nil)
		default:
			s.unify(x, y, nil)
		}
	}
	for i, p := range pairs {
		x, y := s.resolve(p.x), s.resolve(p.y)
		n, _ := s.size(x)
		m, _ := s.size(y)
		if n != p.n || m != p.m {
			t.Fatalf("pair %d: %v and %v slots became %v and %v", i, p.n, p.m, n, m)
		}
	}
}
