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
		s := &store{origins: map[*cause][]int{}}
		sizes := []int64{1, 2, 2, 3, 4, 6, 8, 12, 12, 24, 24, 24}
		var atoms []int
		for range 8 {
			atoms = append(atoms, s.fresh(onnxgraph.Size(sizes[rng.IntN(len(sizes))])))
		}
		var expr func(depth int) sum
		expr = func(depth int) sum {
			var x sum
			for range 1 + rng.IntN(3)/2*rng.IntN(3) {
				var p prod
				for k := range 1 + rng.IntN(2) {
					if depth > 0 && k == 1 {
						p = append(p, leaf{sum: expr(depth - 1)})
					} else {
						p = append(p, leaf{atom: atoms[rng.IntN(len(atoms))]})
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
			switch rng.IntN(4) {
			case 0:
				s.unify(s.pick(x, atoms[0], rng.IntN(2)), y, nil)
			default:
				s.unify(x, y, nil)
			}
		}
		for i, p := range pairs {
			x, y := s.resolve(p.x), s.resolve(p.y)
			n, _ := s.size(x)
			m, _ := s.size(y)
			if n != p.n || m != p.m {
				t.Fatalf("seed %d, pair %d: %v and %v slots became %v and %v", seed, i, p.n, p.m, n, m)
			}
		}
	}
}
