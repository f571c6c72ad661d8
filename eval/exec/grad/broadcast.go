package grad

import "github.com/onnx-rebasin/onnx-rebasin/internal/f32"

// stretchWalk visits a tensor of shape out in rows, and beside each row the
// part of a smaller tensor that broadcasting holds against it: from offset at on,
// element by element, or the one element there when still.
func stretchWalk(shape, out []int, visit func(row, n, at int, still bool)) {
	if len(out) == 0 {
		visit(0, 1, 0, true)
		return
	}
	steps, lead, n := make([]int, len(out)), len(out)-len(shape), 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 {
			steps[lead+i] = n
		}
		n *= shape[i]
	}
	// Axes at the end that are walked alike make up one row.
	row, first := out[len(out)-1], len(out)-1
	still := steps[first] == 0
	for first > 0 && (still && steps[first-1] == 0 || !still && steps[first-1] == row || out[first-1] == 1) {
		first--
		row *= out[first]
	}
	index := make([]int, first)
	at := 0
	for from := 0; from < size(out); from += row {
		visit(from, row, at, still)
		for k := first - 1; k >= 0; k-- {
			index[k]++
			at += steps[k]
			if index[k] < out[k] {
				break
			}
			at -= index[k] * steps[k]
			index[k] = 0
		}
	}
}

// stretched returns x, of the given shape, as broadcasting makes it of shape out.
func stretched(x []float32, shape, out []int) []float32 {
	if len(x) == size(out) {
		return x
	}
	d := make([]float32, size(out))
	stretchWalk(shape, out, func(row, n, at int, still bool) {
		if !still {
			copy(d[row:row+n], x[at:])
			return
		}
		for i := range n {
			d[row+i] = x[at]
		}
	})
	return d
}

// gather undoes stretched for a gradient: every element of d gets the sum of
// those that it was stretched to.
func gather(d []float32, shape []int, up []float32, out []int) {
	if len(d) == len(up) {
		addTo(d, up)
		return
	}
	stretchWalk(shape, out, func(row, n, at int, still bool) {
		if still {
			d[at] += float32(f32.Sum(up[row : row+n]))
			return
		}
		addTo(d[at:at+n], up[row:row+n])
	})
}
