package f32

import "fmt"

// Axis says where the slots of one direction of a matrix lie: slot i is At(i) elements from the start.
// It is made by Steps or Offsets; the zero Axis has no slots.
type Axis struct {
	n, step int
	table   []int // instead of step when not nil
	lo, hi  int   // least and greatest offset
}

// Steps is the axis of n slots, step elements apart: slot i lies at step·i. A negative step walks backwards, a zero
// one repeats the same slot.
func Steps(n, step int) Axis {
	if n < 0 {
		panic(fmt.Sprintf("f32: axis of %d slots", n))
	}
	last := step * max(n-1, 0)
	return Axis{n: n, step: step, lo: min(0, last), hi: max(0, last)}
}

// Offsets is the axis whose slot i lies at table[i]. The table is kept, not copied; one in arithmetic progression
// from zero is recognised and costs no more than Steps. Cost: O(len(table)).
func Offsets(table []int) Axis {
	n := len(table)
	if n == 0 {
		return Axis{}
	}
	step := 0
	if n > 1 {
		step = table[1] - table[0]
	}
	regular := table[0] == 0
	lo, hi := table[0], table[0]
	for i, off := range table {
		lo, hi = min(lo, off), max(hi, off)
		regular = regular && off == i*step
	}
	if regular {
		return Steps(n, step)
	}
	return Axis{n: n, table: table, lo: lo, hi: hi}
}

// Head is the axis of the first n slots.
func (x Axis) Head(n int) Axis {
	if x.table != nil {
		return Offsets(x.table[:n])
	}
	return Steps(n, x.step)
}

// Len returns the number of slots.
func (x Axis) Len() int { return x.n }

// At returns the offset of slot i.
func (x Axis) At(i int) int {
	if x.table != nil {
		return x.table[i]
	}
	return x.step * i
}

// offsets returns the offsets of slots lo to hi-1, in buf when they have to be computed.
func (x Axis) offsets(lo, hi int, buf []int) []int {
	if x.table != nil {
		return x.table[lo:hi]
	}
	buf = buf[:hi-lo]
	off := x.step * lo
	for i := range buf {
		buf[i] = off
		off += x.step
	}
	return buf
}

// View is a matrix laid over a slice without moving it:
//
//	v[i,j] = Data[Rows.At(i) + Cols.At(j)]
//
// Anything whose two directions are independent is a View: a dense matrix or its transpose, the axis of a tensor
// against all its other axes, the windows of a convolution over a padded image (rows: channel and position in the
// window; columns: position of the window).
type View struct {
	Data       []float32
	Rows, Cols Axis
}

// Dense is the row-major matrix of the given size whose rows are ld elements apart.
func Dense(data []float32, rows, cols, ld int) View {
	return View{Data: data, Rows: Steps(rows, ld), Cols: Steps(cols, 1)}
}

// T is the transpose.
func (v View) T() View {
	return View{Data: v.Data, Rows: v.Cols, Cols: v.Rows}
}

// check panics unless every element of v lies within its data.
func (v View) check(what string) {
	if v.Rows.n == 0 || v.Cols.n == 0 {
		return
	}
	lo, hi := v.Rows.lo+v.Cols.lo, v.Rows.hi+v.Cols.hi
	if lo < 0 || hi >= len(v.Data) {
		panic(fmt.Sprintf("f32: %s, %d by %d, spans elements %d to %d of a slice of %d",
			what, v.Rows.n, v.Cols.n, lo, hi, len(v.Data)))
	}
}

// strided reports whether both axes step upwards, so that kernels can read v in place.
func (v View) strided() bool {
	return v.Rows.table == nil && v.Cols.table == nil && v.Rows.step >= 0 && v.Cols.step >= 0
}
