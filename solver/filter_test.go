package solver

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFilter(t *testing.T) {
	defer func(best int) { family = best }(family)
	for _, family = range families {
		t.Run(fmt.Sprint("float32 ", family), filterLaw[float32])
		t.Run(fmt.Sprint("float64 ", family), filterLaw[float64])
	}
}

// filterLaw compares with the definition, for every length around the width of
// the vectors and every place a bad number can stand.
func filterLaw[G Gain](t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 40 {
		for run := range 20 {
			gain, price := make([]G, n), make([]float64, n)
			for j := range gain {
				gain[j], price[j] = G(rng.NormFloat64()), rng.NormFloat64()
			}
			wantBad := false
			if n > 0 && run >= 15 {
				gain[rng.IntN(n)] = G([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}[run%3])
				wantBad = true
			}
			above := rng.NormFloat64()
			var want []int32
			for j, g := range gain {
				if float64(g)-price[j] > above {
					want = append(want, int32(j)+7)
				}
			}
			out := make([]int32, len(want)+rng.IntN(12))
			count, bad := filter(gain, price, above, 7, out)
			if count < 0 {
				if len(out) >= len(want)+8 {
					t.Fatalf("n %d: no room for %d in %d", n, len(want), len(out))
				}
				continue
			}
			if !slices.Equal(out[:count], want) || bad != wantBad {
				t.Fatalf("n %d: got %v, bad %v; want %v, %v", n, out[:count], bad, want, wantBad)
			}
		}
	}
}
