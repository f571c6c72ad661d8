package kernel

import "fmt"

// broadcast returns the common shape of shapes under ONNX's multidirectional
// broadcasting: shapes are aligned at their last axis, and size 1 stretches.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[rank-len(s)+i]
			switch {
			case *o == 1:
				*o = d
			case d != 1 && d != *o:
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out, nil
}

// strides returns the row-major strides of a shape, in elements.
func strides(shape []int) []int {
	out := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = n
		n *= shape[i]
	}
	return out
}

// stretched returns the strides with which a tensor of the given shape is read
// as one of shape out: 0 along axes that are stretched.
func stretched(shape, out []int) []int {
	s := make([]int, len(out))
	n, lead := 1, len(out)-len(shape)
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 {
			s[lead+i] = n
		}
		n *= shape[i]
	}
	return s
}

// loops walks several strided operands over one shape. Axes that every operand
// walks alike are merged, so the walk is as short as it can be.
type loops struct {
	dims    []int
	strides [][]int // by operand, then axis
}

// newLoops merges the axes of a walk.
func newLoops(shape []int, strides ...[]int) *loops {
	l := &loops{dims: make([]int, 0, len(shape)+1), strides: make([][]int, len(strides))}
	for k := range strides {
		l.strides[k] = make([]int, 0, len(shape)+1)
	}
	for axis, d := range shape {
		if d == 1 {
			continue
		}
		if last := len(l.dims) - 1; last >= 0 && l.merges(last, axis, d, strides) {
			l.dims[last] *= d
			for k := range strides {
				l.strides[k][last] = strides[k][axis]
			}
			continue
		}
		l.dims = append(l.dims, d)
		for k := range strides {
			l.strides[k] = append(l.strides[k], strides[k][axis])
		}
	}
	if len(l.dims) == 0 {
		l.dims = append(l.dims, 1)
		for k := range strides {
			l.strides[k] = append(l.strides[k], 0)
		}
	}
	return l
}

// merges tells whether an axis of size d continues the walk of axis last.
func (l *loops) merges(last, axis, d int, strides [][]int) bool {
	for k := range strides {
		if l.strides[k][last] != strides[k][axis]*d {
			return false
		}
	}
	return true
}

// inner returns the size of the innermost axis and the operands' strides there.
func (l *loops) inner() (n int, step []int) {
	last := len(l.dims) - 1
	step = make([]int, len(l.strides))
	for k, s := range l.strides {
		step[k] = s[last]
	}
	return l.dims[last], step
}

// rows returns the number of innermost rows.
func (l *loops) rows() int { return size(l.dims[:len(l.dims)-1]) }

// each calls f for rows lo…hi-1 with every operand's offset of the row's start.
func (l *loops) each(lo, hi int, f func(row int, off []int)) {
	outer := l.dims[:len(l.dims)-1]
	index := make([]int, len(outer))
	off := make([]int, len(l.strides))
	for axis, rest := len(outer)-1, lo; axis >= 0; axis-- {
		index[axis] = rest % outer[axis]
		rest /= outer[axis]
		for k, s := range l.strides {
			off[k] += index[axis] * s[axis]
		}
	}
	for row := lo; row < hi; row++ {
		f(row, off)
		for axis := len(outer) - 1; axis >= 0; axis-- {
			index[axis]++
			for k, s := range l.strides {
				off[k] += s[axis]
			}
			if index[axis] < outer[axis] {
				break
			}
			index[axis] = 0
			for k, s := range l.strides {
				off[k] -= outer[axis] * s[axis]
			}
		}
	}
}
