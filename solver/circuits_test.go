package solver

import (
	"math/rand/v2"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// TestCircuits permutes heads, turns the units within each, which leaves what they compute, and adds noise: by their
// circuits the heads are found, by their weights fewer are.
func TestCircuits(t *testing.T) {
	const heads, small, width = 16, 4, 3
	rng := rand.New(rand.NewPCG(8, 1))
	byCircuits, byWeights := 0, 0
	for range 20 {
		spec := specOf([]string{"h 16", "q 4 under h", "v 4 under h"}, []string{"wq: #3, h q", "wk: #3, h q", "bq: h q", "wv: #3, h v", "wo: h v, #3"})
		p := newPair(spec, rng, nil, 0)
		order := rng.Perm(heads)
		for _, pair := range [][2]int{{0, 1}, {3, 4}} {
			for i, j := range order { // B's head j is A's head i, turned
				r := rotation(small, rng)
				for _, w := range pair {
					at := func(head, unit, row int) int {
						if w == 4 {
							return (head*small+unit)*width + row
						}
						return row*heads*small + head*small + unit
					}
					for row := range width {
						for u := range small {
							sum := 0.3 * rng.NormFloat64()
							for v := range small {
								sum += r.At(u, v) * float64(p.a[w][at(i, v, row)])
							}
							p.b[w][at(j, u, row)] = float32(sum)
						}
					}
				}
			}
		}
		pr := p.problem()
		c := climb{f: &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: spec.Identity()}, ws: newWorkspace(pr.plan, 1)}
		if err := c.reset(); err != nil {
			t.Fatal(err)
		}
		if err := c.circuits(); err != nil {
			t.Fatal(err)
		}
		if err := spec.Check(c.f.perms); err != nil {
			t.Fatal(err)
		}
		plain := &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: spec.Identity()}
		if err := plain.rematch(newWorkspace(pr.plan, 1), 0); err != nil {
			t.Fatal(err)
		}
		for i, j := range order {
			if int(c.f.perms[0][i]) == j {
				byCircuits++
			}
			if int(plain.perms[0][i]) == j {
				byWeights++
			}
		}
	}

	if byCircuits < 19*heads || byWeights > 10*heads {
		t.Errorf("of %d heads circuits find %d, weights %d", 20*heads, byCircuits, byWeights)
	}
}

// TestCircuitStart has the start that circuits begin among those of a network with heads, and not of others.
func TestCircuitStart(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, test := range []struct {
		spec *permspec.Spec
		want bool
	}{{transformer(rng, 12), true}, {residualNet(rng, 12), false}} {
		r := newPair(test.spec, rng, test.spec.Random(rng), 1).match(t, Options{Starts: 4})
		if got := r.Starts[2].Kind == "circuits"; got != test.want {
			t.Errorf("the third start is %q", r.Starts[2].Kind)
		}
	}
}
