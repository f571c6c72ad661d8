package solver

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// residualNet is a random residual network, recurrentNet a recurrent one and
// transformer a stack of attention and feed-forward blocks.
func residualNet(rng *rand.Rand, width int) *permspec.Spec {
	groups := []string{fmt.Sprintf("r %d", width)}
	weights := []string{"stem: r, #3, #3", "gain: r"}
	for k := range 1 + rng.IntN(4) {
		i := fmt.Sprintf("i%d", k)
		groups = append(groups, fmt.Sprintf("%s %d", i, max(2, width/(1+rng.IntN(2)))))
		weights = append(weights, "c"+i+": "+i+", r, #3", "g"+i+": "+i, "d"+i+": r, "+i+", #3")
	}
	return specOf(groups, append(weights, "head: #4, r"))
}

func recurrentNet(rng *rand.Rand, width int) *permspec.Spec {
	gates := []string{"", "3 ", "4 "}[rng.IntN(3)]
	return specOf([]string{fmt.Sprintf("h %d", width), fmt.Sprintf("f %d", width)}, []string{
		"w: " + gates + "h, #7", "r: " + gates + "h, h", "b: " + gates + "h", "fc: f, h", "out: #3, f"})
}

func transformer(rng *rand.Rand, width int) *permspec.Spec {
	groups := []string{fmt.Sprintf("r %d", width)}
	weights := []string{"embed: #9, r"}
	for l := range 1 + rng.IntN(3) {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, l) }
		h, q, v, f := name("h"), name("q"), name("v"), name("f")
		heads := 1 + rng.IntN(4)
		groups = append(groups, fmt.Sprintf("%s %d", h, heads), fmt.Sprintf("%s %d under %s", q, 2+rng.IntN(6), h),
			fmt.Sprintf("%s %d under %s", v, 2+rng.IntN(6), h), fmt.Sprintf("%s %d", f, 2*width))
		weights = append(weights, name("wq")+": r, "+h+" "+q, name("wk")+": r, "+h+" "+q, name("wv")+": r, "+h+" "+v,
			name("wo")+": "+h+" "+v+", r", name("n")+": r", name("f1")+": r, "+f, name("f2")+": "+f+", r")
	}
	return specOf(groups, append(weights, "head: #5, r"))
}

// sweepEnv, when set, makes TestPlanted hide 100 permutations in networks of each
// kind with widths up to 256, as in docs/performance.md.
const sweepEnv = "ONNX_REBASIN_SWEEP"

// TestPlanted hides a permutation and asks for it back: without noise exactly,
// with noise as strong as the weights something at least as good.
func TestPlanted(t *testing.T) {
	runs, widest := 20, 64.0
	if testing.Short() {
		runs = 5
	}
	if os.Getenv(sweepEnv) != "" {
		runs, widest = 100, 256
	}
	for name, net := range map[string]func(*rand.Rand, int) *permspec.Spec{"residual": residualNet, "recurrent": recurrentNet, "transformer": transformer} {
		for noise := range 2 {
			t.Run(fmt.Sprintf("%s, noise %d", name, noise), func(t *testing.T) {
				found := 0
				for seed := range uint64(runs) {
					rng := rand.New(rand.NewPCG(seed, uint64(3+noise)))
					width := int(math.Exp(math.Log(3) + rng.Float64()*math.Log(widest/3)))
					spec := net(rng, width)
					want := spec.Random(rng)
					p := newPair(spec, rng, want, float64(noise))
					r := p.match(t, Options{Effort: []Effort{EffortFast, EffortDefault}[noise]})
					if noise == 0 && !reflect.DeepEqual(r.Perms, want) {
						t.Errorf("seed %d, width %d: not recovered", seed, width)
						continue
					}
					if least := p.objective(want); r.ObjectiveAfter < least*(1-1e-9) {
						t.Errorf("seed %d, width %d: objective %v, planted %v", seed, width, r.ObjectiveAfter, least)
						continue
					}
					found++
				}
				t.Logf("%d of %d", found, runs)
			})
		}
	}
}

func TestMatchDeterministic(t *testing.T) {
	for name, spec := range map[string]*permspec.Spec{
		"transformer": transformer(rand.New(rand.NewPCG(4, 4)), 24),
		"mlp":         specOf([]string{"a 200", "b 150"}, []string{"w1: a, #90", "w2: b, a", "w3: #10, b"}),
		"grouped":     tiny["grouped"](),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(spec, rand.New(rand.NewPCG(5, 5)), nil, 0)
			first := p.match(t, Options{Seed: 7, Starts: 4, Threads: 1})
			for _, threads := range []int{1, 2, 8} {
				again := p.match(t, Options{Seed: 7, Starts: 4, Threads: threads})
				if !reflect.DeepEqual(first.Perms, again.Perms) || first.ObjectiveAfter != again.ObjectiveAfter {
					t.Errorf("%d threads: another result", threads)
				}
			}
			other := p.match(t, Options{Seed: 8, Starts: 4})
			if reflect.DeepEqual(first.Starts[3], other.Starts[3]) {
				t.Error("another seed: the same random start")
			}
		})
	}
}

func TestMatchNeverFalls(t *testing.T) {
	for name, spec := range tiny {
		p := newPair(spec(), rand.New(rand.NewPCG(6, 6)), nil, 0)
		last := map[int]float64{}
		r := p.match(t, Options{Starts: 5, Progress: func(s Progress) {
			if before, ok := last[s.Start]; ok && s.Objective < before {
				t.Errorf("%s: start %d, sweep %d, group %s: objective falls from %v to %v", name, s.Start, s.Sweep, s.Group, before, s.Objective)
			}
			last[s.Start] = s.Objective
		}})
		if r.Starts[1].Kind != "identity" || r.Starts[1].Objective < r.ObjectiveBefore {
			t.Errorf("%s: start at the identity: %+v, before %v", name, r.Starts[1], r.ObjectiveBefore)
		}
		for n, s := range r.Starts {
			if s.Objective > r.ObjectiveAfter+1e-9 || math.Abs(last[n]-s.Objective) > 1e-9 {
				t.Errorf("%s: start %d ends at %v, last reported %v, best %v", name, n, s.Objective, last[n], r.ObjectiveAfter)
			}
		}
	}
}

// TestMatchStays holds a model against itself: nothing moves, whatever the ties.
func TestMatchStays(t *testing.T) {
	for name, spec := range tiny {
		p := newPair(spec(), rand.New(rand.NewPCG(7, 7)), nil, 0)
		for k := range p.a {
			for i := range p.a[k] {
				p.a[k][i] = float32(int(p.a[k][i])) // ties between units
			}
			copy(p.b[k], p.a[k])
		}
		if r := p.match(t, Options{Starts: 2}); r.L2After != 0 || r.L2Before != 0 {
			t.Errorf("%s: l2 %v -> %v", name, r.L2Before, r.L2After)
		}
	}
}

func TestMatchStopped(t *testing.T) {
	p := newPair(transformer(rand.New(rand.NewPCG(8, 8)), 16), rand.New(rand.NewPCG(8, 8)), nil, 0)
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	r, err := p.problem().match(ctx, &Options{Starts: 2, Progress: func(Progress) {
		if calls++; calls == 3 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.spec.Check(r.Perms); err != nil {
		t.Fatal(err)
	}
	if !r.Stopped || calls > 6 || r.ObjectiveAfter < r.ObjectiveBefore {
		t.Errorf("stopped %v after %d groups, objective %v -> %v", r.Stopped, calls, r.ObjectiveBefore, r.ObjectiveAfter)
	}
}

// TestAscend climbs from a good permutation, and only from there.
func TestAscend(t *testing.T) {
	for name, spec := range tiny {
		p := newPair(spec(), rand.New(rand.NewPCG(9, 9)), nil, 0)
		r := p.match(t, Options{Ascend: true, Starts: 4})
		if len(r.Starts) != 1 || r.Starts[0].Kind != "identity" || r.ObjectiveAfter < r.ObjectiveBefore {
			t.Errorf("%s: starts %+v, objective %v → %v", name, r.Starts, r.ObjectiveBefore, r.ObjectiveAfter)
		}
	}
}
