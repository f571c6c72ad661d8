package solver

import "math"

// proved reports whether the duals prove the assignment optimal to 1e-9 of its
// size.
func (s *search[G]) proved() bool {
	gap, scale := 0.0, 0.0
	for i, j := range s.col {
		own := s.profit(int32(i), j)
		gap += max(0, s.best(int32(i)).first-own)
		scale += math.Abs(own + s.price[j])
	}
	return gap <= 1e-9*scale
}

// settle takes prefer's side of every cycle or path of exchanges between the
// solution and prefer (nil: the identity) that costs nothing.
func (s *search[G]) settle(prefer []int32) {
	if prefer == nil {
		prefer = make([]int32, len(s.col))
		for i := range prefer {
			prefer[i] = int32(i)
		}
	}
	wanted := inverse(prefer, len(s.row)) // the row that prefer gives each column
	seen := make([]bool, len(s.col))
	for j, i := range s.row { // paths: they begin at a column that prefer leaves over
		if i >= 0 && wanted[j] < 0 {
			s.exchange(i, prefer, seen)
		}
	}
	for i := range s.col {
		if !seen[i] {
			s.exchange(int32(i), prefer, seen)
		}
	}
}

// exchange follows the cycle or path through row i, marks it as seen, and gives
// its rows their columns in prefer if that costs nothing.
func (s *search[G]) exchange(i int32, prefer []int32, seen []bool) {
	var rows []int32
	change, scale := 0.0, 0.0
	for i >= 0 && !seen[i] {
		seen[i] = true
		rows = append(rows, i)
		data := s.gains.Row(int(i))
		old, now := float64(data[s.col[i]]), float64(data[prefer[i]])
		change += now - old
		scale += math.Abs(now) + math.Abs(old)
		i = s.row[prefer[i]]
	}
	if change < -1e-13*scale {
		return
	}
	for _, i := range rows {
		if j := s.col[i]; s.row[j] == i {
			s.row[j] = -1
		}
		s.give(i, prefer[i])
	}
}

// result returns the assignment as it stands, with its proof.
func (s *search[G]) result() *Assignment {
	a := &Assignment{Col: s.col, Price: s.price, Profit: make([]float64, len(s.col))}
	for i, j := range s.col {
		own := s.profit(int32(i), j)
		a.Profit[i] = max(own, s.best(int32(i)).first)
		a.Gap += a.Profit[i] - own
		a.Value += float64(s.gains.Row(i)[j])
	}
	return a
}
