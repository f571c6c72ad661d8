package solver

import (
	"math/rand/v2"
	"testing"
)

// The estimate counts what a sweep computes: for an MLP, two operations for each
// weight and each slot of the groups it stands with.
func TestEstimate(t *testing.T) {
	e, err := EstimateMatch(specOf([]string{"a 20", "b 30"}, []string{"w1: a, #7", "b1: a", "w2: b, a", "w3: #5, b"}))
	if err != nil {
		t.Fatal(err)
	}
	parameters := int64(20*7 + 20 + 30*20 + 5*30)
	want := Estimate{Parameters: parameters, Largest: 600, Units: 2, Weights: 8 * parameters, Gains: 4 * (20*20 + 30*30),
		Operations: 2 * (20*(20*7+20+30*20) + 30*(30*20+5*30))}
	if e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
}

// Nested groups have a gain for each pair of slots of what they are under.
func TestEstimateNested(t *testing.T) {
	e, err := EstimateMatch(transformer(rand.New(rand.NewPCG(1, 2)), 16))
	if err != nil || e.Units < 3 || e.Gains <= 0 || e.Operations <= 0 {
		t.Errorf("%+v, %v", e, err)
	}
}
