package solver

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// tiny are specs with few enough members to try them all, one for each way
// groups can stand together.
var tiny = map[string]func() *permspec.Spec{
	"mlp": func() *permspec.Spec {
		return specOf([]string{"a 4", "b 3"}, []string{"w1: a, 5", "b1: a", "w2: b, a", "w3: 2, b"})
	},
	"flatten": func() *permspec.Spec { return specOf([]string{"a 4"}, []string{"c: a, 3, 2, 2", "f: 3, a 6"}) },
	"concat": func() *permspec.Spec {
		return specOf([]string{"a 3", "b 4"}, []string{"c: a, 3", "d: b, 2", "f: 5, a + b + a"})
	},
	"recurrent": func() *permspec.Spec { return specOf([]string{"h 5"}, []string{"w: 3 h, 4", "r: 3 h, h", "f: 2, h"}) },
	"heads": func() *permspec.Spec {
		return specOf([]string{"h 3", "q 2 under h", "v 3 under h"}, []string{"wq: h q, 6", "wk: h q, 6", "wv: h v, 4", "wo: 4, h v"})
	},
	"residual heads": func() *permspec.Spec {
		return specOf([]string{"r 3", "h 2", "q 2 under h"}, []string{"e: 5, r", "wq: h q, r", "wk: h q, r", "wo: r, h q"})
	},
	// c2 is a grouped convolution: its input axis counts within the group that
	// its output axis names.
	"grouped": func() *permspec.Spec {
		return specOf([]string{"g 3", "i 2 under g", "o 2 under g"}, []string{"c1: g i, 4", "c2: g o, i", "c3: 4, g o"})
	},
	"deep": func() *permspec.Spec {
		return specOf([]string{"x 2", "y 2 under x", "z 2 under x y"}, []string{"a: x y z, 5", "b: 3, x y z", "c: x y, 2"})
	},
	"two outers": func() *permspec.Spec {
		return specOf([]string{"y 2", "z 2", "x 3 under y z"}, []string{"a: y, z, x, 4", "b: y, 3", "c: 2, z, y, x"})
	},
	"tied heads": func() *permspec.Spec {
		return specOf([]string{"h 2", "q 2 under h", "p 2 under h"}, []string{"a: h q, 3", "b: h q, h p", "c: h p, 3"})
	},
	// x stands against nothing else: its slots are single numbers.
	"scalars": func() *permspec.Spec {
		return specOf([]string{"h 3", "x 3 under h"}, []string{"a: x, h", "b: h, 4"})
	},
	"scalars of two outers": func() *permspec.Spec {
		return specOf([]string{"y 2", "z 2", "x 3 under y z"}, []string{"a: y, z, x", "b: y, 3", "c: 2, z"})
	},
	// p and q are under a, too, which only one of the two slots of h that they stand under has beside it.
	"twice under another": func() *permspec.Spec {
		return specOf([]string{"a 2", "h 2", "p 2 under a h", "q 2 under a h"}, []string{"c: a h p q, 3", "d: a h p q, h p q", "e: 2, a h"})
	},
	"inner first": func() *permspec.Spec {
		return specOf([]string{"y 3", "x 2 under y"}, []string{"a: x, y, 4", "b: 3, x, y"})
	},
}

// members lists the whole symmetry group.
func members(spec *permspec.Spec) []permspec.Perms {
	out := []permspec.Perms{spec.Identity()}
	for g := range spec.Groups {
		n := spec.Groups[g].Size
		for o := 0; o < len(out[0][g]); o += n {
			var next []permspec.Perms
			for _, row := range orders(n) {
				for _, p := range out {
					q := append(permspec.Perms(nil), p...)
					q[g] = append([]int32(nil), p[g]...)
					copy(q[g][o:], row)
					next = append(next, q)
				}
			}
			out = next
		}
	}
	return out
}

func orders(n int) [][]int32 {
	if n == 0 {
		return [][]int32{nil}
	}
	var out [][]int32
	for _, p := range orders(n - 1) {
		for at := range n {
			q := append([]int32(nil), p[:at]...)
			q = append(append(q, int32(n-1)), p[at:]...)
			out = append(out, q)
		}
	}
	return out
}

func (p *pairOf) match(t *testing.T, opts Options) *Result {
	t.Helper()
	r, err := p.problem().match(context.Background(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.spec.Check(r.Perms); err != nil {
		t.Fatal(err)
	}
	if got := p.objective(r.Perms); math.Abs(got-r.ObjectiveAfter) > 1e-9*(1+math.Abs(got)) {
		t.Fatalf("objective %v, said to be %v", got, r.ObjectiveAfter)
	}
	return r
}

func TestMatchBruteForce(t *testing.T) {
	for name, spec := range tiny {
		t.Run(name, func(t *testing.T) {
			spec := spec()
			all := members(spec)
			found, runs := 0, max(4, min(20, 10000/len(all)))
			for seed := range uint64(runs) {
				p := newPair(spec, rand.New(rand.NewPCG(seed, 1)), nil, 0)
				most := math.Inf(-1)
				for _, q := range all {
					most = max(most, p.objective(q))
				}
				got := p.match(t, Options{Starts: 12, Seed: seed}).ObjectiveAfter
				if got > most+1e-6 {
					t.Fatalf("objective %v of at most %v", got, most)
				}
				if got > most-1e-6*math.Abs(most) {
					found++
				}
			}
			t.Logf("%d members, optimum found in %d of %d", len(all), found, runs)
			if found < runs*3/4 {
				t.Errorf("optimum found in %d of %d", found, runs)
			}
		})
	}
}

func TestMatchPlanted(t *testing.T) {
	for name, spec := range tiny {
		t.Run(name, func(t *testing.T) {
			spec := spec()
			for seed := range uint64(10) {
				rng := rand.New(rand.NewPCG(seed, 2))
				want := spec.Random(rng)
				got := newPair(spec, rng, want, 0).match(t, Options{Starts: 1})
				if !reflect.DeepEqual(got.Perms, want) || got.L2After != 0 {
					t.Fatalf("seed %d: got %v, want %v; l2 %v", seed, got.Perms, want, got.L2After)
				}
			}
		})
	}
}

// TestMatchForgets matches with room for no weight at all: what is found does
// not depend on what is kept, and an error of reading ends the search.
func TestMatchForgets(t *testing.T) {
	p := newPair(transformer(rand.New(rand.NewPCG(3, 9)), 24), rand.New(rand.NewPCG(3, 9)), nil, 0)
	want := p.match(t, Options{})
	pr := p.problem()
	pr.data.limit = 0
	reads := 0
	read := pr.data.read
	var mu sync.Mutex
	pr.data.read = func(k int) (pair, error) {
		mu.Lock()
		defer mu.Unlock()
		reads++
		return read(k)
	}
	got, err := pr.match(context.Background(), &Options{})
	if err != nil || !reflect.DeepEqual(got.Perms, want.Perms) || reads < 3*len(p.a) {
		t.Errorf("%d reads, %v; permutations differ or nothing was forgotten", reads, err)
	}
	broken := errors.New("broken")
	pr = p.problem()
	pr.data.limit, reads = 0, 0
	pr.data.read = func(k int) (pair, error) {
		mu.Lock()
		defer mu.Unlock()
		if reads++; reads > 2*len(p.a) {
			return pair{}, broken
		}
		return read(k)
	}
	if _, err := pr.match(context.Background(), &Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestNothing: a group without slots stands beside others and is matched like them.
func TestNothing(t *testing.T) {
	spec := specOf([]string{"a 5", "none 0"}, []string{"w: a, #4", "v: none, #4", "u: #3, a + none"})
	rng := rand.New(rand.NewPCG(1, 2))
	want := spec.Random(rng)
	p := newPair(spec, rng, want, 0)
	for _, e := range []Effort{EffortFast, EffortDefault, EffortMax} {
		if r := p.match(t, Options{Effort: e}); r.L2After > 1e-6*r.L2Before {
			t.Errorf("%v: distance %v of %v", e, r.L2After, r.L2Before)
		}
	}
}

// TestCycle: groups that are under each other are refused.
func TestCycle(t *testing.T) {
	spec := specOf([]string{"a 2", "b 3"}, []string{"w: a, b"})
	spec.Groups[0].Under = []int{1}
	if _, err := layOut(spec, spec.Weights); err == nil || !strings.Contains(err.Error(), `group "a" is not listed after`) {
		t.Errorf("%v", err)
	}
}
