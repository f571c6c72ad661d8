package kernel

import "unsafe"

// words returns the elements of a tensor's data as unsigned words of their
// size, sharing the memory: []uint8, []uint16, []uint32 or []uint64. Strings
// and sequences are returned as they are. Kernels that only move elements are
// written for these few types.
func words(data any) any {
	switch x := data.(type) {
	case []float32:
		return as[uint32](x)
	case []float64:
		return as[uint64](x)
	case []int8:
		return as[uint8](x)
	case []int16:
		return as[uint16](x)
	case []int32:
		return as[uint32](x)
	case []int64:
		return as[uint64](x)
	case []bool:
		return as[uint8](x)
	}
	return data
}

// as reinterprets elements as others of the same size.
func as[D, A any](x []A) []D {
	return unsafe.Slice((*D)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// region is a strided part of a tensor's elements.
type region struct {
	off     int
	strides []int
}

// whole is all of a tensor, in order.
func whole(shape []int) region { return region{strides: strides(shape)} }

// copyRegion copies the elements of a region of src to a region of dst; both
// are walked over shape. The tensors must be of one type.
func copyRegion(c *Call, dst *Tensor, to region, src *Tensor, from region, shape []int) {
	if size(shape) == 0 {
		return
	}
	l := newLoops(shape, to.strides, from.strides)
	switch d := words(dst.Data).(type) {
	case []uint8:
		copyWords(c, d, to.off, words(src.Data).([]uint8), from.off, l)
	case []uint16:
		copyWords(c, d, to.off, words(src.Data).([]uint16), from.off, l)
	case []uint32:
		copyWords(c, d, to.off, words(src.Data).([]uint32), from.off, l)
	case []uint64:
		copyWords(c, d, to.off, words(src.Data).([]uint64), from.off, l)
	case []string:
		copyWords(c, d, to.off, src.Data.([]string), from.off, l)
	case []*Tensor:
		copyWords(c, d, to.off, src.Data.([]*Tensor), from.off, l)
	}
}

func copyWords[T any](c *Call, dst []T, to int, src []T, from int, l *loops) {
	n, step := l.inner()
	if rows := l.rows(); rows == 1 && step[0] == 1 && step[1] == 1 {
		c.Parallel(n, 1, func(lo, hi int) { copy(dst[to+lo:to+hi], src[from+lo:from+hi]) })
		return
	}
	if n2, ok := l.transposed(); ok {
		copyTransposed(c, dst[to:], src[from:], l, n2)
		return
	}
	c.Parallel(l.rows(), n, func(lo, hi int) {
		l.each(lo, hi, func(_ int, off []int) {
			copyRow(dst[to+off[0]:], step[0], src, from+off[1], step[1], n)
		})
	})
}

// copyRow copies n elements between strided rows.
func copyRow[T any](dst []T, dStep int, src []T, from, sStep, n int) {
	switch {
	case dStep == 1 && sStep == 1:
		copy(dst[:n], src[from:from+n])
	case dStep == 1 && sStep == 0:
		v := src[from]
		for i := range dst[:n] {
			dst[i] = v
		}
	case dStep == 1:
		for i := range dst[:n] {
			dst[i] = src[from]
			from += sStep
		}
	default:
		to := 0
		for range n {
			dst[to] = src[from]
			to += dStep
			from += sStep
		}
	}
}

// transposed tells whether the source's contiguous axis is not the innermost:
// it returns that axis.
func (l *loops) transposed() (axis int, ok bool) {
	last := len(l.dims) - 1
	if last < 1 || l.strides[0][last] != 1 || l.strides[1][last] <= 1 || l.dims[last] < 4 {
		return 0, false
	}
	for axis := range last {
		if l.strides[1][axis] == 1 && l.dims[axis] >= 4 {
			return axis, true
		}
	}
	return 0, false
}

// tile is the side of the blocks in which matrices are transposed: two of them
// stay in the first-level cache.
const tile = 16

// copyTransposed copies in square blocks, so that neither side is walked with
// a large stride for long. axis is the source's contiguous axis.
func copyTransposed[T any](c *Call, dst, src []T, l *loops, axis int) {
	last := len(l.dims) - 1
	rows, cols := l.dims[axis], l.dims[last]
	dStep, sStep := l.strides[0][axis], l.strides[1][last]
	rest := &loops{strides: make([][]int, 2)}
	for a, d := range l.dims[:last] {
		if a != axis {
			rest.dims = append(rest.dims, d)
			rest.strides[0] = append(rest.strides[0], l.strides[0][a])
			rest.strides[1] = append(rest.strides[1], l.strides[1][a])
		}
	}
	bands := (rows + tile - 1) / tile
	rest.dims = append(rest.dims, bands, 1)
	rest.strides[0] = append(rest.strides[0], tile*dStep, 0)
	rest.strides[1] = append(rest.strides[1], tile, 0)
	c.Parallel(rest.rows(), tile*cols, func(lo, hi int) {
		rest.each(lo, hi, func(r int, off []int) {
			high := min(tile, rows-r%bands*tile)
			for j0 := 0; j0 < cols; j0 += tile {
				wide := min(tile, cols-j0)
				for i := range high {
					d := dst[off[0]+i*dStep+j0:][:wide]
					s := off[1] + j0*sStep + i
					for j := range d {
						d[j] = src[s]
						s += sStep
					}
				}
			}
		})
	})
}

// fill sets every element of t to the one element of v, or to zero if v is nil.
func fill(t, v *Tensor) {
	if v == nil {
		zero(t.Data)
		return
	}
	switch d := words(t.Data).(type) {
	case []uint8:
		fillWords(d, words(v.Data).([]uint8)[0])
	case []uint16:
		fillWords(d, words(v.Data).([]uint16)[0])
	case []uint32:
		fillWords(d, words(v.Data).([]uint32)[0])
	case []uint64:
		fillWords(d, words(v.Data).([]uint64)[0])
	case []string:
		fillWords(d, v.Data.([]string)[0])
	}
}

func fillWords[T any](d []T, v T) {
	for i := range d {
		d[i] = v
	}
}
