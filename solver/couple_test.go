package solver

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCouple goes on from optima of single units: what couples are said to raise the objective by, they
// do, and they find something where matching units one by one does not.
func TestCouple(t *testing.T) {
	better := 0
	const seeds = 20
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 13))
		spec := residualNet(rng, 16)
		p := newPair(spec, rng, nil, 0)
		pr := p.problem()
		f := &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: spec.Random(rng), threads: 1}
		c := climb{f: f, ws: newWorkspace(f.plan, 1)}
		if err := c.reset(); err != nil {
			t.Fatal(err)
		}
		climb := func() {
			if err := c.climb(fixedOrder(len(f.plan.units)), 100, worth); err != nil {
				t.Fatal(err)
			}
		}
		climb()
		for {
			before := p.objective(f.perms)
			found, err := c.couple()
			if err != nil {
				t.Fatal(err)
			}
			if err := spec.Check(f.perms); err != nil {
				t.Fatal(err)
			}
			after := p.objective(f.perms)
			if found != (after > before) || math.Abs(after-c.value) > 1e-9*math.Abs(after) {
				t.Fatalf("seed %d: objective %v → %v, said to be %v; found something: %v", seed, before, after, c.value, found)
			}
			if !found {
				break
			}
			better++
			climb()
		}
	}
	if better < seeds/2 {
		t.Errorf("couples found something %d times in %d networks", better, seeds)
	}
	t.Logf("couples found something %d times in %d networks", better, seeds)
}

// TestMaxCouples holds EffortMax to begin a start with couples, where units meet and only there.
func TestMaxCouples(t *testing.T) {
	for name, want := range map[string]bool{"mlp": true, "flatten": false, "recurrent": false} {
		p := newPair(tiny[name](), rand.New(rand.NewPCG(1, 1)), nil, 0)
		coupled := 0
		for _, s := range p.match(t, Options{Effort: EffortMax}).Starts {
			if s.Kind == "coupled" {
				coupled++
			}
		}
		if coupled > 0 != want {
			t.Errorf("%s: %d starts are coupled", name, coupled)
		}
	}
}
