package solver_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/solver"
	"github.com/onnx-rebasin/onnx-rebasin/solver/assigntest"
)

func TestAssign(t *testing.T) {
	t.Run("float64", func(t *testing.T) { assigntest.Suite(t, run[float64](t, false)) })
	t.Run("float32", func(t *testing.T) { assigntest.Suite(t, run[float32](t, false)) })
	t.Run("warm", func(t *testing.T) { assigntest.Suite(t, run[float64](t, true)) })
}

// run returns Assign with checked duals. When warm, each problem is solved from
// the solution of a similar one.
func run[G solver.Gain](t *testing.T, warm bool) assigntest.Func {
	return func(rows, cols int, gain []float64, prefer []int32) ([]int32, float64, error) {
		noise := rand.New(rand.NewPCG(1, 2))
		m := solver.Matrix[G]{Rows: rows, Cols: cols, Stride: cols + 3, Data: make([]G, rows*(cols+3))}
		similar := solver.Matrix[G]{Rows: rows, Cols: cols, Stride: cols, Data: make([]G, rows*cols)}
		for i := range rows {
			for j := range cols {
				m.Data[i*m.Stride+j] = G(gain[i*cols+j])
				similar.Data[i*cols+j] = G(gain[i*cols+j])
				similar.Data[i*cols+j] += G(noise.NormFloat64())
			}
		}
		opts := solver.AssignOptions{Prefer: prefer}
		if warm {
			opts.Warm, _ = solver.Assign(similar, solver.AssignOptions{})
		}
		a, err := solver.Assign(m, opts)
		if err != nil {
			return nil, 0, err
		}
		checkDuals(t, m, a)
		return a.Col, a.Value, nil
	}
}

// checkDuals is weak duality: feasible duals bound every assignment.
func checkDuals[G solver.Gain](t *testing.T, m solver.Matrix[G], a *solver.Assignment) {
	t.Helper()
	sum, scale := -a.Value, 0.0
	for i, p := range a.Profit {
		sum += p
		scale = max(scale, math.Abs(p))
		if p < 0 && m.Rows > m.Cols {
			t.Errorf("profit of row %d is %v", i, p)
		}
		for j, g := range m.Row(i) {
			scale = max(scale, math.Abs(float64(g)))
			if float64(g) > p+a.Price[j]+1e-12*(math.Abs(p)+math.Abs(a.Price[j])) {
				t.Fatalf("gain %v of row %d, column %d is above %v + %v", g, i, j, p, a.Price[j])
			}
		}
	}
	for j, p := range a.Price {
		sum += p
		if p < 0 && m.Rows < m.Cols {
			t.Errorf("price of column %d is %v", j, p)
		}
	}
	scale *= float64(m.Rows + m.Cols)
	if a.Gap > 1e-9*scale || math.Abs(sum-a.Gap) > 1e-9*scale {
		t.Errorf("gap %v, duals say %v (scale %v)", a.Gap, sum, scale)
	}
}

func TestAssignHugeRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const n = 40
	m := solver.Matrix[float64]{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	for k := range m.Data {
		m.Data[k] = math.Ldexp(r.NormFloat64(), r.IntN(2040)-1020)
	}
	a, err := solver.Assign(m, solver.AssignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkDuals(t, m, a)
}

func BenchmarkAssign(b *testing.B) {
	for _, kind := range []string{"uniform", "gram", "heavy", "planted", "coarse"} {
		for _, n := range []int{512, 2048} {
			m := solver.Matrix[float32]{Rows: n, Cols: n, Stride: n, Data: make([]float32, n*n)}
			for k, g := range assigntest.Instance(kind, n, n, 1) {
				m.Data[k] = float32(g)
			}
			cold, err := solver.Assign(m, solver.AssignOptions{})
			if err != nil {
				b.Fatal(err)
			}
			for name, opts := range map[string]solver.AssignOptions{"cold": {}, "warm": {Warm: cold}} {
				b.Run(fmt.Sprintf("%s/%d/%s", kind, n, name), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(4 * n * n))
					for b.Loop() {
						if _, err := solver.Assign(m, opts); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
