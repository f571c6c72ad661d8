package solver

import (
	"fmt"
	"math"
)

// Gain is the element type of a gain matrix. Arithmetic is in float64 for both.
type Gain interface{ float32 | float64 }

// Matrix is a dense matrix of gains, row-major: the gain of giving column j to
// row i is Data[i*Stride+j].
type Matrix[G Gain] struct {
	Rows, Cols, Stride int
	Data               []G
}

// Row returns row i, sharing memory.
func (m Matrix[G]) Row(i int) []G { return m.Data[i*m.Stride:][:m.Cols:m.Cols] }

// Assignment is a solution of an assignment problem and the proof that it is
// one: Profit and Price are duals,
//
//	gain[i][j] <= Profit[i] + Price[j]    for all i and j,
//
// so no assignment is worth more than their sum, and Gap is that sum minus
// Value: zero, or what rounding leaves, which is below 1e-9·Σ |gain[i][Col[i]]|
// unless other gains are larger than those by many orders of magnitude.
//
// When there are more columns than rows, prices are not negative and columns left
// over cost nothing; when there are more rows, the same holds for profits.
type Assignment struct {
	Col    []int32 // the column of each row; -1 for a row that is left over
	Value  float64 // Σ gain[i][Col[i]]
	Gap    float64
	Profit []float64 // dual of each row
	Price  []float64 // dual of each column
}

// AssignOptions is what is known about a problem beforehand. The zero value
// stands for nothing.
type AssignOptions struct {
	// Prefer is an assignment that ties go to: where the solution and Prefer
	// differ by a cycle of exchanges that is worth nothing, Prefer's side is
	// taken. Nil stands for the identity.
	Prefer []int32

	// Warm is the solution of a similar problem of the same size. A problem
	// that it nearly solves costs about one pass over the matrix. It changes
	// the time taken, not the value. Rectangular problems ignore it.
	Warm *Assignment

	// Threads is how many goroutines read the gains at first; 0: one. It
	// changes the time taken, not the result.
	Threads int
}

// Assign finds the assignment of distinct columns to rows with the largest sum
// of gains. With more rows than columns some rows are left over.
//
// The method is that of Jonker and Volgenant (1987): rows bid for columns, and
// rows still free then get a column along a shortest augmenting path. Bids and
// paths look at a shortlist of each row and at the whole row only when that
// cannot be avoided; where bidding leaves many rows free (gains of low rank,
// rows of very different norm), prices are first brought near their values by
// Bertsekas' ε-scaling. All arithmetic is in float64 and the duals prove the
// result: see Assignment. The result depends on the arguments only.
//
// Cost: O(n²) for the shortlists and, on gains as weights give them, not much
// more; O(n³ log n) at worst. A NaN or an infinity among the gains is an error
// that names its place, and so is a Prefer that is not an assignment.
func Assign[G Gain](gains Matrix[G], opts AssignOptions) (*Assignment, error) {
	if gains.Rows > gains.Cols {
		return assignTall(gains, opts)
	}
	if err := gains.check(); err != nil {
		return nil, err
	}
	if err := checkPrefer(opts.Prefer, gains.Rows, gains.Cols); err != nil {
		return nil, err
	}
	w := opts.Warm
	if w != nil && (gains.Rows != gains.Cols || len(w.Col) != gains.Rows || len(w.Price) != gains.Cols) {
		w = nil
	}
	s := newSearch(gains)
	if err := s.begin(w, opts.Threads); err != nil {
		return nil, err
	}
	s.solve()
	s.settle(opts.Prefer)
	return s.result(), nil
}

// assignTall solves a problem with more rows than columns as its transpose.
func assignTall[G Gain](gains Matrix[G], opts AssignOptions) (*Assignment, error) {
	if err := gains.check(); err != nil {
		return nil, err
	}
	if opts.Prefer != nil && len(opts.Prefer) != gains.Rows {
		return nil, fmt.Errorf("solver: preferred assignment has %d rows, the gain matrix %d", len(opts.Prefer), gains.Rows)
	}
	t := Matrix[G]{gains.Cols, gains.Rows, gains.Rows, make([]G, gains.Rows*gains.Cols)}
	for i := range gains.Rows {
		if err := badGain(i, gains.Row(i)); err != nil {
			return nil, err
		}
		for j, g := range gains.Row(i) {
			t.Data[j*t.Stride+i] = g
		}
	}
	a, err := Assign(t, AssignOptions{Prefer: inverse(opts.Prefer, gains.Cols), Threads: opts.Threads})
	if err != nil {
		return nil, err
	}
	a.Col = inverse(a.Col, gains.Rows)
	a.Profit, a.Price = a.Price, a.Profit
	return a, nil
}

// inverse turns the column of each row into the row of each column, -1 for
// none. Nil stays nil.
func inverse(col []int32, cols int) []int32 {
	if col == nil {
		return nil
	}
	row := make([]int32, cols)
	for j := range row {
		row[j] = -1
	}
	for i, j := range col {
		if j >= 0 && int(j) < cols {
			row[j] = int32(i)
		}
	}
	return row
}

// check says what is wrong with the matrix's shape.
func (m Matrix[G]) check() error {
	switch {
	case m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols:
		return fmt.Errorf("solver: gain matrix has %d rows, %d columns, stride %d", m.Rows, m.Cols, m.Stride)
	case m.Rows > math.MaxInt32 || m.Cols > math.MaxInt32:
		return fmt.Errorf("solver: gain matrix of %d by %d is too large", m.Rows, m.Cols)
	case m.Rows > 0 && len(m.Data) < (m.Rows-1)*m.Stride+m.Cols:
		return fmt.Errorf("solver: gain matrix of %d by %d with stride %d has only %d elements", m.Rows, m.Cols, m.Stride, len(m.Data))
	}
	return nil
}

// badGain says which gain of row i is not a number, or infinite.
func badGain[G Gain](i int, row []G) error {
	for j, g := range row {
		if f := float64(g); f-f != 0 {
			return fmt.Errorf("solver: gain of row %d, column %d is %v", i, j, f)
		}
	}
	return nil
}

// checkPrefer says why a preferred assignment is none.
func checkPrefer(prefer []int32, rows, cols int) error {
	if prefer == nil {
		return nil
	}
	if len(prefer) != rows {
		return fmt.Errorf("solver: preferred assignment has %d rows, the gain matrix %d", len(prefer), rows)
	}
	taken := make([]bool, cols)
	for i, j := range prefer {
		if j < 0 || int(j) >= cols {
			return fmt.Errorf("solver: preferred assignment gives row %d column %d of %d", i, j, cols)
		}
		if taken[j] {
			return fmt.Errorf("solver: preferred assignment gives column %d twice", j)
		}
		taken[j] = true
	}
	return nil
}
