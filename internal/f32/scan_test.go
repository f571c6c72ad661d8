package f32

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// scanRow is a row with many equal gains, columns not met, columns passed, and zeros of both signs.
type scanRow[G Gain] struct {
	gain        []G
	price, dist []float64
	from        []int32
}

func newScanRow[G Gain](rng *rand.Rand, n int) scanRow[G] {
	r := scanRow[G]{make([]G, n), make([]float64, n), make([]float64, n), make([]int32, n)}
	for j := range n {
		r.gain[j] = G(rng.IntN(9)-4) / 3
		r.price[j] = float64(rng.IntN(5)-2) / 2
		r.from[j] = int32(rng.IntN(100))
		r.dist[j] = []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), rng.NormFloat64()}[rng.IntN(5)]
	}
	return r
}

func testRelax[G Gain](t *testing.T) {
	rng := newRand()
	for _, n := range append(lengths(), 8, 16, 24, 32, 40) {
		r := newScanRow[G](rng, n)
		if n%7 == 0 { // nothing left
			for j := range r.dist {
				r.dist[j] = math.Inf(-1)
			}
		}
		base := rng.NormFloat64() / 4
		if n%3 == 0 {
			base = 0
		}
		dist, from := slices.Clone(r.dist), slices.Clone(r.from)
		col, least := -1, math.Inf(1)
		for j, g := range r.gain {
			if d := base - (float64(g) - r.price[j]); d < dist[j] {
				dist[j], from[j] = d, 7
			}
			if dist[j] < least && !math.IsInf(dist[j], -1) {
				col, least = j, dist[j]
			}
		}
		withISA(func(s isa) {
			gotDist, gotFrom := slices.Clone(r.dist), slices.Clone(r.from)
			gotCol, gotLeast := Relax(base, r.gain, r.price, gotDist, gotFrom, 7)
			if gotCol != col || gotLeast != least {
				t.Fatalf("%v: nearest of %d columns is %d at %v, want %d at %v", s, n, gotCol, gotLeast, col, least)
			}
			for j := range dist {
				if math.Float64bits(dist[j]) != math.Float64bits(gotDist[j]) || from[j] != gotFrom[j] {
					t.Fatalf("%v: column %d of %d: %v from %d, want %v from %d", s, j, n, gotDist[j], gotFrom[j], dist[j], from[j])
				}
			}
		})
	}
}

func TestRelax(t *testing.T) {
	t.Run("float32", testRelax[float32])
	t.Run("float64", testRelax[float64])
}

func testAbove[G Gain](t *testing.T) {
	rng := newRand()
	for _, n := range append(lengths(), 8, 16, 24, 32, 40) {
		r := newScanRow[G](rng, n)
		for _, bound := range []float64{-10, 0, 0.7, 1.9, 10} {
			var want []int32
			for j, g := range r.gain {
				if float64(g)-r.price[j] > bound {
					want = append(want, int32(j))
				}
			}
			withISA(func(s isa) {
				for _, room := range []int{0, 3, 8, 20, n} {
					found := make([]int32, room, room+1)
					count, next := Above(found, r.gain, r.price, bound)
					end := n
					if room < len(want) {
						end = int(want[room])
					}
					if count != min(room, len(want)) || !slices.Equal(found[:count], want[:count]) || next > end {
						t.Fatalf("%v: %d columns with room for %d: found %v up to %d, want %v", s, n, room, found[:count], next, want)
					}
					if count < room && next != n {
						t.Fatalf("%v: stopped at column %d of %d with room for more", s, next, n)
					}
				}
			})
		}
	}
}

func TestAbove(t *testing.T) {
	t.Run("float32", testAbove[float32])
	t.Run("float64", testAbove[float64])
}
