package solver

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTold holds what gains say of an exchange of slots to the sum over its elements in float64: they are never
// farther apart than told admits, whatever was added to the gains before. For most exchanges that
// is near enough to decide.
func TestTold(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	decided, asked := 0, 0
	for _, scale := range []float32{1, 1e-12, 1e-21, 1e12} {
		spec := residualNet(rng, 160)
		p := newPair(spec, rng, spec.Random(rng), 0.5)
		for w := range p.a {
			for k := range p.a[w] {
				p.a[w][k] *= scale
				p.b[w][k] *= scale
			}
		}
		pr := p.problem()
		f := &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: spec.Identity()}
		ws := newWorkspace(pr.plan, 1)
		for range 12 {
			for n := range f.plan.units {
				next, err := f.propose(ws, n)
				if err != nil {
					t.Fatal(err)
				}
				sets := f.cycles(&f.plan.units[n], next)
				delta, doubt := f.told(ws, n, sets, next)
				exact, _ := f.changes(n, sets, next)
				for k := range sets {
					if d := math.Abs(delta[k] - exact[k]); !(d <= doubt[k]) {
						t.Errorf("scale %g, group %s: told %g, it is %g: off by %g, at most %g admitted", scale, spec.Groups[n].Name, delta[k], exact[k], d, doubt[k])
					}
					if scale == 1e-21 {
						continue // nothing is told
					}
					if asked++; math.Abs(delta[k]) > doubt[k] {
						decided++
					}
				}
			}
			f.perms = spec.Random(rng)
		}
	}
	if decided < asked*9/10 {
		t.Errorf("%d of %d exchanges were decided by gains alone", decided, asked)
	}
}
