package kernel

// chunk is how many elements a stretched operand is repeated into a row for.
const chunk = 512

// zip fills output 0 with row(a, b) under broadcasting. row computes d[i] from
// a[i] and b[i] for slices of one length, d overlapping a or b only in whole.
//
// An operand that does not move along the innermost axis is spread into a short
// row first, so that row needs no other form.
func zip[A, B, D any](c *Call, typ DataType, row func(d []D, a []A, b []B)) error {
	x, y := c.In[0], c.In[1]
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return err
	}
	t, err := c.Over(0, typ, shape, 0, 1)
	if err != nil {
		return err
	}
	d, a, b := t.Data.([]D), x.Data.([]A), y.Data.([]B)
	if len(d) == 0 {
		return nil
	}
	l := newLoops(shape, stretched(x.Shape, shape), stretched(y.Shape, shape))
	n, step := l.inner()
	if rows := l.rows(); rows == 1 && step[0]+step[1] == 2 {
		c.Parallel(n, 1, func(lo, hi int) { row(d[lo:hi], a[lo:hi], b[lo:hi]) })
		return nil
	}
	c.Parallel(l.rows(), n, func(lo, hi int) {
		var ra repeated[A]
		var rb repeated[B]
		l.each(lo, hi, func(r int, off []int) {
			for i := 0; i < n; i += chunk {
				m := min(chunk, n-i)
				row(d[r*n+i:r*n+i+m], ra.at(a, off[0], i, m, step[0]), rb.at(b, off[1], i, m, step[1]))
			}
		})
	})
	return nil
}

// repeated holds one element many times over.
type repeated[T any] struct {
	row  []T
	from int // offset of the element, plus 1
	full int // how many copies are in place
}

// at returns elements off+i… if step is 1, m times element off if step is 0,
// and the strided elements else.
func (r *repeated[T]) at(x []T, off, i, m, step int) []T {
	if step == 1 {
		return x[off+i : off+i+m]
	}
	if len(r.row) < m {
		r.row, r.from = make([]T, m), 0
	}
	if step != 0 {
		for k := range m {
			r.row[k] = x[off+(i+k)*step]
		}
		r.from = 0
		return r.row[:m]
	}
	if r.from != off+1 || r.full < m {
		v := x[off]
		for k := range r.row[:m] {
			r.row[k] = v
		}
		r.from, r.full = off+1, m
	}
	return r.row[:m]
}

// apply fills output 0 with row(x). row computes d[i] from x[i]; d may be x.
func apply[A, D any](c *Call, typ DataType, cost int, row func(d []D, x []A)) error {
	x := c.In[0]
	t, err := c.Over(0, typ, x.Shape, 0)
	if err != nil {
		return err
	}
	d, a := t.Data.([]D), x.Data.([]A)
	c.Parallel(len(d), cost, func(lo, hi int) { row(d[lo:hi], a[lo:hi]) })
	return nil
}

// rowOf makes a row function of a function of one element.
func rowOf[A, D any](f func(A) D) func(d []D, x []A) {
	return func(d []D, x []A) {
		for i, v := range x {
			d[i] = f(v)
		}
	}
}

// row2Of makes a row function of a function of two elements.
func row2Of[A, B, D any](f func(A, B) D) func(d []D, a []A, b []B) {
	return func(d []D, a []A, b []B) {
		for i, v := range a {
			d[i] = f(v, b[i])
		}
	}
}
