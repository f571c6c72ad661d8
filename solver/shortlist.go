package solver

import "math"

// entry is one gain of a row.
type entry[G Gain] struct {
	gain G
	col  int32
}

// shortlists holds, for each row of a problem, the entries with the largest
// profits (gain - price) when the list was made. Prices never fall, so all other
// entries of the row stay at or below rest for ever, and a bid or a search that
// finds what it needs above rest need not look at the row again.
type shortlists[G Gain] struct {
	room   int        // most entries of a list
	want   int        // about as many are wanted
	list   []entry[G] // room for each row
	length []int32
	rest   []float64 // -Inf: the list is the whole row
}

func newShortlists[G Gain](rows, cols int) *shortlists[G] {
	const want = 24
	room := min(cols, 3*want)
	return &shortlists[G]{room: room, want: min(want, room),
		list: make([]entry[G], rows*room), length: make([]int32, rows), rest: make([]float64, rows)}
}

// of returns the list of row i.
func (l *shortlists[G]) of(i int32) []entry[G] {
	return l.list[int(i)*l.room:][:l.length[i]]
}

// fill makes the list of row i. The row is read from column i on and around,
// so that of equal profits those are kept first. Cost: a pass over the row.
func (l *shortlists[G]) fill(i int32, row []G, price []float64) {
	list := l.list[int(i)*l.room:][:l.room]
	start, whole := int(i)%len(row), l.room == len(row)
	above := math.Inf(-1)
	if !whole {
		above = l.sample(row, price)
	}
	n, ok := collect(list, row, price, start, above)
	if !ok || n < 2 && !whole {
		n, above = l.refine(list, row, price, start)
	}
	l.length[i], l.rest[i] = int32(n), above
}

// sample guesses a profit that about want entries of the row exceed: the fourth
// of a regular sample.
func (l *shortlists[G]) sample(row []G, price []float64) float64 {
	step := max(1, l.want/4)
	a, b, c, d := math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)
	for j := 0; j < len(row); j += step {
		f := float64(row[j]) - price[j]
		if f <= d {
			continue
		}
		switch {
		case f > a:
			a, b, c, d = f, a, b, c
		case f > b:
			b, c, d = f, b, c
		case f > c:
			c, d = f, c
		default:
			d = f
		}
	}
	return d
}

// collect puts the entries whose profit is above a bound into list, and says how
// many there are, or that there is no room for them.
func collect[G Gain](list []entry[G], row []G, price []float64, start int, above float64) (int, bool) {
	n := 0
	price = price[:len(row)]
	for range 2 {
		for j := start; j < len(row); j++ {
			if float64(row[j])-price[j] > above {
				if n == len(list) {
					return n, false
				}
				list[n] = entry[G]{row[j], int32(j)}
				n++
			}
		}
		row, price, start = row[:start], price[:start], 0
	}
	return n, true
}

// refine makes a list by selection, where sampling went wrong: it keeps the
// want largest profits, of equal ones the first, and returns the least of them.
func (l *shortlists[G]) refine(list []entry[G], row []G, price []float64, start int) (int, float64) {
	profit := make([]float64, 0, len(list))
	above := math.Inf(-1)
	n := 0
	for k := range row {
		j := start + k
		if j >= len(row) {
			j -= len(row)
		}
		f := float64(row[j]) - price[j]
		if !(f > above) {
			continue
		}
		if n == len(list) { // keep the largest, in order
			above = nth(append([]float64(nil), profit...), l.want-1)
			equal := l.want
			for _, p := range profit {
				if p > above {
					equal--
				}
			}
			n = 0
			for m, p := range profit {
				if p > above || p == above && equal > 0 {
					if p == above {
						equal--
					}
					list[n], profit[n] = list[m], p
					n++
				}
			}
			profit = profit[:n]
			if !(f > above) {
				continue
			}
		}
		list[n] = entry[G]{row[j], int32(j)}
		profit = append(profit, f)
		n++
	}
	return n, above
}

// nth returns the n-th largest value, from 0, and reorders v (Hoare's select).
func nth(v []float64, n int) float64 {
	for len(v) > 1 {
		pivot := max(min(v[0], v[len(v)/2]), min(max(v[0], v[len(v)/2]), v[len(v)-1]))
		i, j := 0, len(v)-1
		for i <= j {
			for v[i] > pivot {
				i++
			}
			for v[j] < pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n <= j:
			v = v[:j+1]
		case n >= i:
			v, n = v[i:], n-i
		default:
			return pivot
		}
	}
	return v[0]
}
