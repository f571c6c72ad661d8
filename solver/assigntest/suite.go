// Package assigntest holds the laws of the assignment problem, which any
// implementation can be run through.
package assigntest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Func solves an assignment problem: the gain of giving column j to row i is
// gain[i*cols+j], all of them float32 values. Ties go to prefer; nil stands for
// the identity. It returns the column of each row, -1 for none, and the sum.
type Func func(rows, cols int, gain []float64, prefer []int32) ([]int32, float64, error)

// Suite runs an implementation through every law.
func Suite(t *testing.T, assign Func) {
	t.Run("brute force", func(t *testing.T) { bruteForce(t, assign) })
	t.Run("scipy", func(t *testing.T) { expected(t, assign) })
	t.Run("constant", func(t *testing.T) { constant(t, assign) })
	t.Run("ties", func(t *testing.T) { ties(t, assign) })
	t.Run("planted", func(t *testing.T) { planted(t, assign) })
	t.Run("shifts", func(t *testing.T) { shifts(t, assign) })
	t.Run("low rank", func(t *testing.T) { lowRank(t, assign) })
	t.Run("near ties", func(t *testing.T) { nearTies(t, assign) })
	t.Run("deterministic", func(t *testing.T) { deterministic(t, assign) })
	t.Run("refusals", func(t *testing.T) { refusals(t, assign) })
}

// solve returns the columns after checking that they are an assignment of as
// many rows as can be, worth what the implementation says.
func solve(t *testing.T, assign Func, rows, cols int, gain []float64, prefer []int32) ([]int32, float64) {
	t.Helper()
	col, value, err := assign(rows, cols, gain, prefer)
	if err != nil {
		t.Fatalf("%d by %d: %v", rows, cols, err)
	}
	if len(col) != rows {
		t.Fatalf("%d by %d: %d columns", rows, cols, len(col))
	}
	taken := make(map[int32]bool)
	sum, scale := 0.0, 0.0
	for i, j := range col {
		if j == -1 {
			continue
		}
		if j < 0 || int(j) >= cols || taken[j] {
			t.Fatalf("%d by %d: not an assignment: %v", rows, cols, col)
		}
		taken[j] = true
		sum += gain[i*cols+int(j)]
		scale += math.Abs(gain[i*cols+int(j)])
	}
	if len(taken) != min(rows, cols) {
		t.Fatalf("%d by %d: %d rows have a column", rows, cols, len(taken))
	}
	if math.Abs(sum-value) > 1e-12*scale {
		t.Fatalf("%d by %d: worth %v, said to be %v", rows, cols, sum, value)
	}
	return col, sum
}

// brute returns the largest sum there is, trying every assignment.
func brute(rows, cols int, gain []float64) float64 {
	if rows > cols {
		g := make([]float64, len(gain))
		for i := range rows {
			for j := range cols {
				g[j*rows+i] = gain[i*cols+j]
			}
		}
		rows, cols, gain = cols, rows, g
	}
	taken := make([]bool, cols)
	var from func(i int) float64
	from = func(i int) float64 {
		if i == rows {
			return 0
		}
		most := math.Inf(-1)
		for j := range cols {
			if !taken[j] {
				taken[j] = true
				most = max(most, gain[i*cols+j]+from(i+1))
				taken[j] = false
			}
		}
		return most
	}
	return from(0)
}

func bruteForce(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(1, 1))
	kinds := []func() float64{
		func() float64 { return float64(float32(r.NormFloat64())) },
		func() float64 { return float64(r.IntN(3)) },
		func() float64 { return float64(-r.IntN(2)) },
		func() float64 { return float64(float32(math.Exp(6 * r.NormFloat64()))) },
	}
	for n := range 400 {
		rows, cols := 1+r.IntN(6), 1+r.IntN(6)
		if n%3 == 0 {
			cols = rows
		}
		if n%50 == 0 {
			rows, cols = 8, 8
		}
		gain := make([]float64, rows*cols)
		for k := range gain {
			gain[k] = kinds[n%len(kinds)]()
		}
		_, got := solve(t, assign, rows, cols, gain, nil)
		if want := brute(rows, cols, gain); math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Fatalf("%d by %d: worth %v, want %v\n%v", rows, cols, got, want, gain)
		}
	}
	solve(t, assign, 0, 0, nil, nil)
}

func constant(t *testing.T, assign Func) {
	for _, c := range []float64{0, 3, -7} {
		for _, n := range []int{1, 2, 100, 130} {
			gain := make([]float64, n*n)
			for k := range gain {
				gain[k] = c
			}
			prefer := random(n, uint64(n))
			got, _ := solve(t, assign, n, n, gain, prefer)
			same(t, "constant gains keep the preferred assignment", got, prefer)
			got, _ = solve(t, assign, n, n, gain, nil)
			same(t, "constant gains keep the identity", got, identity(n))
		}
	}
}

// ties puts copies of a random matrix along the diagonal of a larger one, so
// that blocks can be exchanged freely, and duplicate rows in each of them.
func ties(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(2, 2))
	const n = 96
	gain := make([]float64, n*n)
	for i := range n {
		for j := range n {
			if i%2 == 0 {
				gain[i*n+j] = float64(r.IntN(4))
			} else {
				gain[i*n+j] = gain[(i-1)*n+j]
			}
		}
	}
	first, value := solve(t, assign, n, n, gain, nil)
	again, _ := solve(t, assign, n, n, gain, first)
	same(t, "an optimal assignment that is preferred stays", again, first)
	swapped := append([]int32(nil), first...)
	for i := 0; i < n; i += 2 {
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	}
	got, v := solve(t, assign, n, n, gain, swapped)
	same(t, "equal rows keep the columns that are preferred", got, swapped)
	if v != value {
		t.Errorf("worth %v with one preference and %v with another", value, v)
	}
}

func planted(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{2, 33, 200} {
		want := random(n, uint64(n))
		diagonal, noisy := make([]float64, n*n), make([]float64, n*n)
		for i, j := range want {
			diagonal[i*n+int(j)] = 1
			for k := range n {
				noisy[i*n+k] = float64(r.IntN(1000))
			}
			noisy[i*n+int(j)] += 1000
		}
		got, _ := solve(t, assign, n, n, diagonal, nil)
		same(t, "a permuted diagonal", got, want)
		got, _ = solve(t, assign, n, n, noisy, nil)
		same(t, "a permuted diagonal in noise", got, want)
	}
}

// shifts adds a number to each row and each column: the value changes by their
// sum.
func shifts(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(4, 4))
	const n = 150
	gain, shifted, sum := make([]float64, n*n), make([]float64, n*n), 0.0
	col := make([]float64, n)
	for j := range col {
		col[j] = float64(r.IntN(1000))
		sum += col[j]
	}
	for i := range n {
		row := float64(r.IntN(1000))
		sum += row
		for j := range n {
			gain[i*n+j] = float64(r.IntN(1 << 12))
			shifted[i*n+j] = gain[i*n+j] + row + col[j]
		}
	}
	_, a := solve(t, assign, n, n, gain, nil)
	_, b := solve(t, assign, n, n, shifted, nil)
	if b != a+sum {
		t.Errorf("worth %v, shifted by %v worth %v", a, sum, b)
	}
}

// lowRank has gains x[i]·y[j]: the best is to pair both in order of size.
func lowRank(t *testing.T, assign Func) {
	const n = 300
	gain, want := make([]float64, n*n), 0.0
	order := random(n, 5)
	for i := range n {
		for j := range n {
			gain[i*n+j] = float64((i - 100) * (int(order[j]) - 200))
		}
		want += float64((i - 100) * (i - 200))
	}
	if _, got := solve(t, assign, n, n, gain, nil); got != want {
		t.Errorf("worth %v, want %v", got, want)
	}
}

// nearTies has gains that differ by the last bit of a float32.
func nearTies(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(6, 6))
	const n = 120
	gain := make([]float64, n*n)
	whole := make([]float64, n*n)
	for k := range gain {
		bit := r.IntN(2)
		whole[k] = float64(bit)
		gain[k] = 1 + float64(bit)*(1.0/(1<<23))
	}
	_, a := solve(t, assign, n, n, gain, nil)
	_, b := solve(t, assign, n, n, whole, nil)
	if want := n + b/(1<<23); math.Abs(a-want) > 1e-12*want {
		t.Errorf("worth %v, want %v", a, want)
	}
}

func deterministic(t *testing.T, assign Func) {
	r := rand.New(rand.NewPCG(7, 7))
	const n = 180
	gain := make([]float64, n*n)
	for k := range gain {
		gain[k] = float64(r.IntN(5))
	}
	first, _ := solve(t, assign, n, n, gain, nil)
	for range 3 {
		again, _ := solve(t, assign, n, n, gain, nil)
		same(t, "a second run", again, first)
	}
}

func refusals(t *testing.T, assign Func) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, size := range [][2]int{{5, 5}, {3, 6}, {6, 4}} {
			rows, cols := size[0], size[1]
			gain := make([]float64, rows*cols)
			gain[2*cols+1] = bad
			_, _, err := assign(rows, cols, gain, nil)
			if err == nil || !strings.Contains(err.Error(), "row 2, column 1") {
				t.Errorf("%d by %d with a gain of %v: error %v", rows, cols, bad, err)
			}
		}
	}
	for _, prefer := range [][]int32{{0, 1}, {0, 0, 1}, {0, 1, 3}, {-1, 0, 1}} {
		if _, _, err := assign(3, 3, make([]float64, 9), prefer); err == nil {
			t.Errorf("prefer %v: no error", prefer)
		}
	}
}

func same(t *testing.T, what string, got, want []int32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s (n = %d): row %d has column %d, want %d", what, len(want), i, got[i], want[i])
		}
	}
}

func identity(n int) []int32 {
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i)
	}
	return p
}

func random(n int, seed uint64) []int32 {
	p := identity(n)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}
