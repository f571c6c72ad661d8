package solver

import (
	"cmp"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
)

// search is an assignment problem on its way to be solved. Prices only rise.
// Between steps every row that has a column has one of its most profitable ones
// (gain - price), up to rounding.
type search[G Gain] struct {
	gains Matrix[G]
	size  []float64 // the largest profit of each row at the beginning
	col   []int32   // column of each row, -1: free
	row   []int32   // row of each column, -1: free
	price []float64
	short *shortlists[G]
	paths paths
}

func newSearch[G Gain](gains Matrix[G]) *search[G] {
	n, m := gains.Rows, gains.Cols
	s := &search[G]{gains: gains, size: make([]float64, n), col: make([]int32, n), row: make([]int32, m),
		price: make([]float64, m), short: newShortlists[G](n, m), paths: newPaths(n, m)}
	for i := range s.col {
		s.col[i] = -1
	}
	for j := range s.row {
		s.row[j] = -1
	}
	return s
}

// begin makes the shortlists. With the solution of a similar problem it starts
// from its prices, and from its columns as far as they are still the best.
func (s *search[G]) begin(w *Assignment, threads int) error {
	if w != nil {
		copy(s.price, w.Price)
	}
	if err := s.fillAll(threads); err != nil {
		return err
	}
	for i := range s.col {
		i := int32(i)
		first := s.best(i).first
		s.size[i] = first
		if w == nil {
			continue
		}
		if j := w.Col[i]; j >= 0 && int(j) < len(s.row) && s.row[j] < 0 &&
			s.profit(i, j) >= first-1e-13*(math.Abs(first)+math.Abs(s.price[j])) {
			s.give(i, j)
		}
	}
	return nil
}

// solve gives every row a column and sees to it that the duals prove the
// result.
func (s *search[G]) solve() {
	n := len(s.col)
	for left := n; ; {
		before := left
		if left = s.bid(0, 4*n); left <= n/32 {
			break
		}
		if left > before*9/10 { // they raise prices in tiny steps
			s.scale()
			break
		}
	}
	for range 4 {
		for i, j := range s.col {
			if j < 0 {
				s.augment(int32(i))
			}
		}
		if s.proved() {
			break
		}
		s.release()
	}
}

// give assigns a column to a row; take leaves the row free.
func (s *search[G]) give(i, j int32) { s.col[i], s.row[j] = j, i }

func (s *search[G]) take(i int32) {
	if j := s.col[i]; j >= 0 {
		s.row[j], s.col[i] = -1, -1
	}
}

// profit returns what column j is worth to row i at its price.
func (s *search[G]) profit(i, j int32) float64 {
	return float64(s.gains.Data[int(i)*s.gains.Stride+int(j)]) - s.price[j]
}

// fill makes the shortlist of row i anew.
func (s *search[G]) fill(i int32) (bad bool) {
	return s.short.fill(i, s.gains.Row(int(i)), s.price, s.short.buf)
}

// fillAll makes the lists of all rows, portions of them side by side.
func (s *search[G]) fillAll(threads int) error {
	rows, n := len(s.col), 64
	return parallel.Try(threads, (rows+n-1)/n, func(k int) error {
		buf := scratch()
		for i := k * n; i < min((k+1)*n, rows); i++ {
			if s.short.fill(int32(i), s.gains.Row(i), s.price, buf) {
				return badGain(i, s.gains.Row(i))
			}
		}
		return nil
	})
}

// two are the two largest profits of a row and their columns.
type two struct {
	first, second   float64
	column, another int32
}

// best returns the two most profitable columns of row i.
func (s *search[G]) best(i int32) two {
	t := s.scan(i)
	if t.second < s.short.rest[i] {
		s.fill(i)
		t = s.scan(i)
	}
	return t
}

// scan returns the two most profitable columns on the shortlist of row i.
func (s *search[G]) scan(i int32) two {
	t := two{first: math.Inf(-1), second: math.Inf(-1)}
	col, gain := s.short.of(i)
	for k, j := range col {
		if f := float64(gain[k]) - s.price[j]; f > t.second {
			if f > t.first {
				t.second, t.another = t.first, t.column
				t.first, t.column = f, j
			} else {
				t.second, t.another = f, j
			}
		}
	}
	return t
}

// bid is augmenting row reduction: each free row takes its best column and
// raises the price until it is indifferent between that and its second best,
// and then by eps; the row that had the column is free and bids next. Rows with
// large profits go first, since it is they that set prices. The number of bids is
// bounded: prices may rise by less than rounding can tell, and a few rows may
// bid against each other for long; it returns the number of rows that would still
// bid. Rows that can only tie are left to the search.
func (s *search[G]) bid(eps float64, limit int) int {
	var free []int32
	for i, j := range s.col {
		if j < 0 {
			free = append(free, int32(i))
		}
	}
	slices.SortFunc(free, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.size[a], s.size[b]), cmp.Compare(b, a))
	})
	for ; len(free) > 0 && limit > 0; limit-- {
		i := free[len(free)-1]
		free = free[:len(free)-1]
		t := s.best(i)
		j := t.column
		price := s.price[j]
		if len(s.price) > 1 {
			price = min(price+(t.first-t.second+eps), math.MaxFloat64)
		}
		if s.row[j] >= 0 && !(price > s.price[j]) { // a tie
			if j, price = t.another, s.price[t.another]; s.row[j] >= 0 {
				continue
			}
		}
		other := s.row[j]
		if other >= 0 {
			s.take(other)
			free = append(free, other)
		}
		s.price[j] = price
		s.give(i, j)
	}
	return len(free)
}

// scale brings the prices near their final values by bidding anew with ever
// smaller eps, which keeps few rows from raising a price in tiny steps. In
// problems with columns to spare a price must not rise without need, so there it
// does nothing.
func (s *search[G]) scale() {
	n := len(s.col)
	if n < len(s.row) {
		return
	}
	spread := 0.0
	for i := range n {
		row := s.gains.Row(i)
		spread += (float64(slices.Max(row)) - float64(slices.Min(row))) / float64(n)
	}
	for eps := spread / 64; eps > spread*1e-6; eps /= 10 {
		for i := range s.col {
			s.take(int32(i))
		}
		s.bid(eps, 256*n)
	}
	s.release()
	s.bid(0, 4*n)
}

// release takes their columns from the rows that would rather have another.
func (s *search[G]) release() {
	for i, j := range s.col {
		if j >= 0 && s.profit(int32(i), j) < s.best(int32(i)).first {
			s.take(int32(i))
		}
	}
}
