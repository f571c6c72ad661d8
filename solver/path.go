package solver

import (
	"math"
	"slices"
)

// paths is the working memory of augment.
type paths struct {
	dist []float64 // of each column: +Inf not met, -Inf passed
	from []int32   // the row each column was met from
	base []float64 // of each row passed: see follow
	met  []int32   // columns met
	done []step    // columns passed
	near []int32   // see followAll
	heap heap
}

type step struct {
	dist float64
	col  int32
}

func newPaths(rows, cols int) paths {
	p := paths{dist: make([]float64, cols), from: make([]int32, cols), base: make([]float64, rows), near: make([]int32, cols+8)}
	for j := range p.dist {
		p.dist[j] = math.Inf(1)
	}
	return p
}

// augment gives a column to free row i along a shortest alternating path, found
// by Dijkstra's algorithm. Distances are measured in profit given up; the prices
// of the columns passed rise so that the path then costs nothing.
//
// A row is followed along its shortlist; the rest of it waits in the heap, as
// ^row, at the distance before which it cannot matter.
func (s *search[G]) augment(i int32) {
	p := &s.paths
	end := ending{math.Inf(1), -1}
	s.follow(i, 0, &end)
	for len(p.heap) > 0 && p.heap[0].dist < end.dist {
		v := p.heap.pop()
		if v.col < 0 {
			s.followAll(^v.col, &end)
		} else if v.dist == p.dist[v.col] {
			p.done = append(p.done, v)
			p.dist[v.col] = math.Inf(-1)
			from := s.row[v.col]
			s.follow(from, v.dist+s.profit(from, v.col), &end)
		}
	}
	if end.col < 0 { // every distance overflowed
		end = ending{math.Inf(-1), int32(slices.Index(s.row, -1))}
		p.from[end.col] = i
	}
	s.flip(i, end.col)
	for _, v := range p.done {
		s.price[v.col] += max(0, end.dist-v.dist)
	}
	for _, j := range p.met {
		p.dist[j] = math.Inf(1)
	}
	p.met, p.done, p.heap = p.met[:0], p.done[:0], p.heap[:0]
}

// ending is the nearest free column found so far.
type ending struct {
	dist float64
	col  int32
}

// follow meets the columns of a row. Base is the distance of the row plus its
// profit, so that a column lies at base - (gain - price).
func (s *search[G]) follow(i int32, base float64, end *ending) {
	col, gain := s.short.of(i)
	for k, j := range col {
		s.meet(i, j, base+(s.price[j]-float64(gain[k])), end)
	}
	if d := base - s.short.rest[i]; d < end.dist {
		s.paths.base[i] = base
		s.paths.heap.push(step{d, ^i})
	}
}

// followAll meets the columns of a row that are nearer than the nearest free one.
func (s *search[G]) followAll(i int32, end *ending) {
	p, row := &s.paths, s.gains.Row(int(i))
	base := p.base[i]
	above := base - end.dist - 1e-12*(math.Abs(base)+math.Abs(end.dist)) // and no less for rounding
	n, _ := filter(row, s.price, above, 0, p.near)
	for _, j := range p.near[:n] {
		s.meet(i, j, base+(s.price[j]-float64(row[j])), end)
	}
}

// meet notes that column j can be reached from row i at distance d.
func (s *search[G]) meet(i, j int32, d float64, end *ending) {
	p := &s.paths
	if d >= p.dist[j] || d >= end.dist {
		return
	}
	if math.IsInf(p.dist[j], 1) {
		p.met = append(p.met, j)
	}
	p.dist[j], p.from[j] = d, i
	if s.row[j] < 0 {
		*end = ending{d, j}
	} else {
		p.heap.push(step{d, j})
	}
}

// flip exchanges the columns along the path from row i to free column j.
func (s *search[G]) flip(i, j int32) {
	for {
		from := s.paths.from[j]
		next := s.col[from]
		s.give(from, j)
		if from == i {
			return
		}
		j = next
	}
}

// heap is a binary heap, the nearest first.
type heap []step

func (h *heap) push(v step) {
	s := append(*h, v)
	k := len(s) - 1
	for k > 0 {
		up := (k - 1) / 2
		if s[up].dist <= v.dist {
			break
		}
		s[k], k = s[up], up
	}
	s[k] = v
	*h = s
}

func (h *heap) pop() step {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	k := 0
	for {
		c := 2*k + 1
		if c >= len(s) {
			break
		}
		if c+1 < len(s) && s[c+1].dist < s[c].dist {
			c++
		}
		if s[c].dist >= last.dist {
			break
		}
		s[k], k = s[c], c
	}
	if len(s) > 0 {
		s[k] = last
	}
	return top
}
