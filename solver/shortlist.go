package solver

import (
	"math"
	"slices"
)

// shortlists holds, for each row of a problem, the entries with the largest
// profits (gain - price) when the list was made. Prices never fall, so all other
// entries of the row stay at or below rest for ever, and a bid or a search that
// finds what it needs above rest need not look at the row again.
type shortlists[G Gain] struct {
	room   int // most entries of a list
	col    []int32
	gain   []G
	length []int32
	rest   []float64 // -Inf: the list is the whole row
	buf    []int32   // see scratch
}

// About wanted entries are kept of each row, never more than roomy.
const (
	wanted = 24
	roomy  = 3 * wanted
)

func newShortlists[G Gain](rows, cols int) *shortlists[G] {
	room := min(cols, roomy)
	return &shortlists[G]{room: room, col: make([]int32, rows*room), gain: make([]G, rows*room),
		length: make([]int32, rows), rest: make([]float64, rows), buf: scratch()}
}

// scratch is what filling one list takes.
func scratch() []int32 { return make([]int32, roomy+8) }

// of returns the columns and gains on the list of row i.
func (l *shortlists[G]) of(i int32) ([]int32, []G) {
	at, n := int(i)*l.room, int(l.length[i])
	return l.col[at : at+n], l.gain[at : at+n]
}

// fill makes the list of row i and reports whether the row has a NaN or an
// infinity. The row is read from column i on and around, so that of equal
// profits those are kept first. Rows may be filled side by side, each with a
// scratch. Cost: a pass over the row.
func (l *shortlists[G]) fill(i int32, row []G, price []float64, buf []int32) (bad bool) {
	start, whole := int(i)%len(row), l.room == len(row)
	above := math.Inf(-1)
	if !whole {
		above = sample(row, price)
	}
	n, bad := filter(row[start:], price[start:], above, int32(start), buf)
	if n >= 0 {
		m, alsoBad := filter(row[:start], price[:start], above, 0, buf[n:])
		bad = bad || alsoBad
		if n += m; m < 0 {
			n = -1
		}
	}
	switch {
	case n < 0 || n > l.room || n < 2 && !whole:
		n, above, bad = refine(row, price, start, buf[:l.room])
	case whole && n < len(row): // a profit of -Inf: the difference overflowed
		n = len(row)
		for j := range buf[:n] {
			buf[j] = int32(j)
		}
	}
	col := l.col[int(i)*l.room:][:n]
	copy(col, buf)
	gain := l.gain[int(i)*l.room:][:n]
	for k, j := range col {
		gain[k] = row[j]
	}
	l.length[i], l.rest[i] = int32(n), above
	return bad
}

// sample guesses a profit that about as many entries of the row exceed as are
// wanted: the fourth of a regular sample.
func sample[G Gain](row []G, price []float64) float64 {
	const step = wanted / 4
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

// refine lists columns by selection, where sampling went wrong: it keeps the
// largest profits, of equal ones the first, and returns the least of them.
func refine[G Gain](row []G, price []float64, start int, list []int32) (n int, above float64, bad bool) {
	profit := make([]float64, 0, len(list))
	above = math.Inf(-1)
	for k := range row {
		j := start + k
		if j >= len(row) {
			j -= len(row)
		}
		g := float64(row[j])
		bad = bad || g-g != 0
		f := g - price[j]
		if n == len(list) && f > above {
			above = keepLargest(list, &profit)
			n = len(profit)
		}
		if n < len(list) && (f > above || n < 2) {
			list[n] = int32(j)
			profit = append(profit, f)
			n++
		}
	}
	return n, above, bad
}

// keepLargest keeps the wanted largest profits and their columns in order, of
// equal ones the first, and returns the least of them.
func keepLargest(list []int32, profit *[]float64) float64 {
	least := nth(slices.Clone(*profit), wanted-1)
	equal := wanted
	for _, p := range *profit {
		if p > least {
			equal--
		}
	}
	kept := (*profit)[:0]
	for k, p := range *profit {
		if p > least || p == least && equal > 0 {
			if p == least {
				equal--
			}
			list[len(kept)] = list[k]
			kept = append(kept, p)
		}
	}
	*profit = kept
	return least
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
