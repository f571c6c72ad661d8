package rebasin

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Correlation says how alike the units of one group are in two models: element
// [i][j] of a matrix is the correlation of A's unit at place Shown[i] with B's at
// place Shown[j], before B's units are reordered and after.
type Correlation struct {
	Group  string `json:"group"`
	Size   int    `json:"size"` // units of the group, of all its rows
	By     string `json:"by"`   // weights, or activations
	Shown  []int  `json:"-"`    // the places compared, evenly chosen where there are many
	Before Matrix `json:"-"`
	After  Matrix `json:"-"`

	DiagonalBefore float64 `json:"diagonal_before"` // mean correlation of units at one place
	DiagonalAfter  float64 `json:"diagonal_after"`
}

// Matrix is a square of numbers.
type Matrix [][]float64

// mostShown bounds the units that are compared.
const mostShown = 96

// Correlation compares the units of a group; an empty name stands for the group
// of which most slots moved. With data it compares what units compute, where
// layers give or read the group's units alone; otherwise the weights into and out
// of each, weight by weight. It returns nil when the model has no groups. a and b
// are what was aligned. Cost: of the weights in which the group stands, one pass.
func (al *Alignment) Correlation(ctx context.Context, a, b *onnxgraph.Model, group string, c *Calibration) (*Correlation, error) {
	g, err := al.group(group)
	if g < 0 || err != nil {
		return nil, err
	}
	perms := al.Spec.Identity()
	if al.Match != nil {
		perms = al.Match.Perms
	}
	places := len(perms[g])
	out := &Correlation{Group: al.Spec.Groups[g].Name, Size: places, By: "weights"}
	for k := range min(places, mostShown) {
		out.Shown = append(out.Shown, k*places/min(places, mostShown))
	}
	if c != nil && c.Data != nil {
		if err := al.byActivations(ctx, out, a, b, g, perms, c); err != nil {
			return nil, err
		}
	}
	if out.Before == nil {
		out.By = "weights"
		if out.Before, err = al.byWeights(a, b, g, out.Shown); err != nil {
			return nil, err
		}
		if out.After, err = al.byWeights(a, al.Model, g, out.Shown); err != nil {
			return nil, err
		}
	}
	out.DiagonalBefore, out.DiagonalAfter = out.Before.diagonal(), out.After.diagonal()
	return out, nil
}

// group finds a group by name; the one that moved most for "". It is -1 where
// there are none.
func (al *Alignment) group(name string) (int, error) {
	best, most := -1, -1.0
	var names []string
	for g, m := range al.Moves() {
		if m.Name == name {
			return g, nil
		}
		names = append(names, m.Name)
		slots := float64(m.Rows * m.Size)
		if score := m.Moved*slots*1e6 + slots; score > most { // where none moves, the largest
			best, most = g, score
		}
	}
	if name != "" {
		return -1, fmt.Errorf("there is no group %q: the groups are %v", name, names)
	}
	return best, nil
}

// diagonal is the mean of the diagonal.
func (m Matrix) diagonal() float64 {
	sum := 0.0
	for i := range m {
		sum += m[i][i]
	}
	return sum / float64(max(len(m), 1))
}

// byActivations fills in the correlation of what units compute, after the
// non-linearity where that can be observed, before it where only that can. What B
// computes does not depend on where its units stand, so After is Before with other
// columns.
func (al *Alignment) byActivations(ctx context.Context, out *Correlation, a, b *onnxgraph.Model, g int, perms permspec.Perms, c *Calibration) error {
	inA, err := solver.Lerp(a, b, counterpart(al.pairs), 1)
	if err != nil {
		return err
	}
	for _, at := range []repair.Places{repair.After, repair.Before} {
		seen, err := repair.Alike(ctx, al.Spec, a, inA, at, c.options())
		if err != nil {
			return fmt.Errorf("correlate activations: %w", err)
		}
		for _, l := range seen {
			if rows := unitRows(al.Spec, l.Blocks, g); rows != nil {
				out.By = "activations"
				out.pick(l, rows, al.Spec.Sources(perms, g))
				return nil
			}
		}
	}
	return nil
}

// pick takes the units that are shown out of a likeness: rows says which row of it
// each unit is, from which of B's stands at each place after alignment.
func (c *Correlation) pick(l solver.Likeness, rows, from []int) {
	for _, u := range c.Shown {
		var before, after []float64
		for _, v := range c.Shown {
			before = append(before, float64(l.Gain[rows[u]*l.Size+rows[v]])/float64(l.Places))
			after = append(after, float64(l.Gain[rows[u]*l.Size+rows[from[v]]])/float64(l.Places))
		}
		c.Before, c.After = append(c.Before, before), append(c.After, after)
	}
}

// unitRows lists the row of every unit of group g, where the blocks hold these
// alone; nil otherwise.
func unitRows(spec *permspec.Spec, blocks []permspec.Block, g int) []int {
	for _, b := range blocks {
		for k, d := range b.Digits {
			if d.Group == g && len(b.Digits) == 1+len(d.Under) {
				var rows []int
				for u := range units(spec, g) {
					rows = append(rows, int(b.Offset)+at(b, k, u))
				}
				return rows
			}
		}
	}
	return nil
}

// units counts the slots of a group, of all its rows.
func units(spec *permspec.Spec, g int) int {
	n := spec.Groups[g].Size
	for _, y := range spec.Groups[g].Under {
		n *= spec.Groups[y].Size
	}
	return n
}

// at returns how far unit u of the group of digit k lies from the start of a block.
func at(b permspec.Block, k, u int) int {
	d := b.Digits[k]
	offset := int(d.Stride) * (u % d.Size)
	u /= d.Size
	for i := len(d.Under) - 1; i >= 0; i-- {
		y := b.Digits[d.Under[i]]
		offset += int(y.Stride) * (u % y.Size)
		u /= y.Size
	}
	return offset
}

// byWeights correlates the weights of units: the rows of each weight in which
// the group stands, each standardised, side by side. Weights with one number a
// unit, as biases, tell nothing here.
func (al *Alignment) byWeights(a, b *onnxgraph.Model, g int, shown []int) (Matrix, error) {
	n, count := len(shown), 0
	sums := make([]float64, n*n)
	for _, l := range al.Spec.Weights {
		v := al.pairs.Weights[l.Weight]
		rows := weightRows(l.Blocks, g, shown)
		if v == nil || !l.Weight.Type.IsFloat() || rows == nil || len(rows[0]) < 2 {
			continue
		}
		x, err := standardised(a, l.Weight, rows)
		if err != nil {
			return nil, err
		}
		y, err := standardised(b, v, rows)
		if err != nil {
			return nil, err
		}
		width := len(rows[0])
		f32.ProductAcc64(runtime.GOMAXPROCS(0), f32.Dense(x, n, width, width), f32.Dense(y, n, width, width).T(), sums, n)
		count += width
	}
	m := make(Matrix, n)
	for i := range m {
		m[i] = sums[i*n:][:n]
		for j := range m[i] {
			m[i][j] /= float64(max(count, 1))
		}
	}
	return m, nil
}

// weightRows lists, for each unit shown, where its elements of a weight lie; nil
// where the group does not stand in it.
func weightRows(blocks []permspec.Block, g int, shown []int) [][]int {
	var rows [][]int
	for _, b := range blocks {
		for k, d := range b.Digits {
			if d.Group != g {
				continue
			}
			if rows == nil {
				rows = make([][]int, len(shown))
			}
			rest := others(b, k)
			for i, u := range shown {
				start := int(b.Offset) + at(b, k, u)
				for _, r := range rest {
					rows[i] = append(rows[i], start+r)
				}
			}
		}
	}
	return rows
}

// others lists the offsets of all digits of a block but k and those it is under.
func others(b permspec.Block, k int) []int {
	out := []int{0}
	for i, d := range b.Digits {
		if i == k || slices.Contains(b.Digits[k].Under, i) {
			continue
		}
		next := make([]int, 0, len(out)*d.Size)
		for _, o := range out {
			for j := range d.Size {
				next = append(next, o+j*int(d.Stride))
			}
		}
		out = next
	}
	return out
}

// standardised gathers rows of a weight, each with mean 0 and mean square 1; a
// row of equal numbers is zeros.
func standardised(m *onnxgraph.Model, w *onnxgraph.Weight, rows [][]int) ([]float32, error) {
	x, done, err := m.Float32View(w)
	if err != nil {
		return nil, err
	}
	defer done()
	var out []float32
	for _, row := range rows {
		mean, square := 0.0, 0.0
		for _, i := range row {
			mean += float64(x[i]) / float64(len(row))
		}
		for _, i := range row {
			square += (float64(x[i]) - mean) * (float64(x[i]) - mean) / float64(len(row))
		}
		scale := 0.0
		if square > 0 && !math.IsInf(square, 0) {
			scale = 1 / math.Sqrt(square)
		}
		for _, i := range row {
			out = append(out, float32((float64(x[i])-mean)*scale))
		}
	}
	return out, nil
}
