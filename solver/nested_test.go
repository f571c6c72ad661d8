package solver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// TestNestedBounds holds bounds to what they bound, and an assignment that leaves out what they
// exclude to one that leaves out nothing.
func TestNestedBounds(t *testing.T) {
	specs := map[string]*permspec.Spec{
		"transformer": transformer(rand.New(rand.NewPCG(1, 1)), 16),
		"six heads":   specOf([]string{"h 6", "q 5 under h", "v 4 under h"}, []string{"wq: h q, 30", "wk: h q, 30", "wv: h v, 20", "wo: 20, h v"}),
		"six groups":  specOf([]string{"g 6", "i 4 under g", "o 3 under g"}, []string{"c1: g i, 40", "c2: g o, i, #3", "c3: 40, g o"}),
	}
	for name, spec := range tiny {
		specs[name] = spec()
	}
	var matched, left atomic.Int64
	for name, spec := range specs {
		for seed := range uint64(4) {
			rng := rand.New(rand.NewPCG(seed, 11))
			var planted permspec.Perms
			if seed%2 == 0 {
				planted = spec.Random(rng)
			}
			pr := newPair(spec, rng, planted, 0.5).problem()
			f := &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: spec.Random(rng), threads: 1}
			for n := range f.plan.units {
				u := &f.plan.units[n]
				ws, env := newWorkspace(f.plan, 1), free(len(f.plan.size))
				err := f.plan.each(f.plan.under[u.group], env, func(o int) error {
					var list []nested
					for k := range u.inner {
						list = append(list, f.inner(ws, n, o, k, env))
					}
					for k := range u.joint {
						list = append(list, f.sub(&u.joint[k], u.group, env, nil).nested(1))
					}
					checkNested(t, fmt.Sprintf("%s, seed %d, unit %d", name, seed, n), f.plan.size[u.group], list, rng, &matched, &left)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if left.Load() == 0 {
		t.Errorf("of %d pairs bounds excluded none", matched.Load())
	}
	t.Logf("%d pairs matched, %d left out", matched.Load(), left.Load())
}

func checkNested(t *testing.T, name string, size int, list []nested, rng *rand.Rand, matched, left *atomic.Int64) {
	if len(list) == 0 {
		return
	}
	value := Matrix[float32]{size, size, size, make([]float32, size*size)}
	for k := range value.Data {
		value.Data[k] = rng.Float32()
	}
	all := value
	all.Data = slices.Clone(value.Data)
	for k, n := range list {
		for i := range size {
			for j := range size {
				if v, err := n.of(i, j); err != nil || v > n.most.Row(i)[j] {
					t.Fatalf("%s: slots %d and %d are worth %v, at most %v; %v", name, i, j, v, n.most.Row(i)[j], err)
				}
			}
		}
		if err := n.add(1, all); err != nil {
			t.Fatal(err)
		}
		if of := n.of; k == 0 {
			left.Add(int64(size * size))
			list[0].of = func(i, j int) (float64, error) {
				matched.Add(1)
				left.Add(-1)
				return of(i, j)
			}
		}
	}
	want, err := Assign(all, AssignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := assignNested(value, list, 2, AssignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Col, want.Col) || got.Value != want.Value {
		t.Errorf("%s: %v of value %v, without bounds %v of %v", name, got.Col, got.Value, want.Col, want.Value)
	}
}
