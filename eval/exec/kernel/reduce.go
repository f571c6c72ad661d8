package kernel

import (
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// reducing is the table of the operators that fold axes into one number.
var reducing = ops{
	"ReduceSum": compute(prepareReduce), "ReduceMean": compute(prepareReduce),
	"ReduceProd": compute(prepareReduce), "ReduceMax": compute(prepareReduce),
	"ReduceMin": compute(prepareReduce), "ReduceL1": compute(prepareReduce),
	"ReduceL2": compute(prepareReduce), "ReduceSumSquare": compute(prepareReduce),
	"ReduceLogSum": compute(prepareReduce), "ReduceLogSumExp": compute(prepareReduce),
}

// prepareReduce prepares Reduce*. Sums of floats are taken in float64.
func prepareReduce(n *Node) (Kernel, error) {
	op, list, keep := n.Op, n.Ints("axes"), n.Int("keepdims", 1) != 0
	noop := n.Flag("noop_with_empty_axes")
	return func(c *Call) error {
		axes, err := c.intsAt(list, 1)
		if err != nil {
			return err
		}
		x := c.In[0]
		if len(axes) == 0 {
			if noop {
				return c.Alias(0, 0, x.Shape)
			}
			for i := range x.Shape {
				axes = append(axes, i)
			}
		}
		if axes, err = axesOf(axes, len(x.Shape)); err != nil {
			return err
		}
		return reduce(c, op, axes, keep)
	}, nil
}

func reduce(c *Call, op string, axes []int, keep bool) error {
	x := c.In[0]
	var shape, kept, folded, keptSteps, foldedSteps []int
	step := strides(x.Shape)
	for i, d := range x.Shape {
		if slices.Contains(axes, i) {
			folded, foldedSteps = append(folded, d), append(foldedSteps, step[i])
			if keep {
				shape = append(shape, 1)
			}
			continue
		}
		shape, kept, keptSteps = append(shape, d), append(kept, d), append(keptSteps, step[i])
	}
	out, err := c.New(0, x.Type, shape...)
	if err != nil {
		return err
	}
	over := newLoops(append(kept, 1), append(keptSteps, 0))
	over.dims, over.strides[0] = append(over.dims, 1), append(over.strides[0], 0)
	w := &fold{c: c, over: over, within: newLoops(folded, foldedSteps), n: size(folded)}
	switch v := x.Data.(type) {
	case []float32:
		r := reducerOf[float32, float64](op)
		if row := quickFold(op); row != nil {
			r.row = row
		}
		foldAll(w, out.Data.([]float32), v, r)
	case []float64:
		foldAll(w, out.Data.([]float64), v, reducerOf[float64, float64](op))
	case []int8:
		foldAll(w, out.Data.([]int8), v, reducerOf[int8, int64](op))
	case []uint8:
		foldAll(w, out.Data.([]uint8), v, reducerOf[uint8, int64](op))
	case []int32:
		foldAll(w, out.Data.([]int32), v, reducerOf[int32, int64](op))
	case []uint32:
		foldAll(w, out.Data.([]uint32), v, reducerOf[uint32, int64](op))
	case []int64:
		foldAll(w, out.Data.([]int64), v, reducerOf[int64, int64](op))
	case []uint64:
		foldAll(w, out.Data.([]uint64), v, reducerOf[uint64, uint64](op))
	case []bool:
		foldBools(w, out.Data.([]bool), v, op)
	default:
		return badType(x)
	}
	return nil
}

// quickFold returns the row function of a reduction of float32 that uses vectors, nil if there is none.
func quickFold(op string) func(acc float64, shift float32, x []float32) float64 {
	switch op {
	case "ReduceSum", "ReduceMean":
		return func(acc float64, _ float32, x []float32) float64 { return acc + f32.Sum(x) }
	case "ReduceL2", "ReduceSumSquare":
		return func(acc float64, _ float32, x []float32) float64 { return acc + f32.Dot(x, x) }
	case "ReduceMax":
		return func(acc float64, _ float32, x []float32) float64 { return max(acc, float64(f32.Max(x))) }
	}
	return nil
}

// fold is the walk of a reduction: over the elements of the result, and within
// the elements that are folded into each.
type fold struct {
	c            *Call
	over, within *loops
	n            int // elements folded into one
}

// reducer folds elements of type T in an accumulator of type A.
type reducer[T, A number] struct {
	start A
	row   func(acc A, shift T, x []T) A // shift is the greatest element if peak is set, else 0
	end   func(acc A, shift T, n int) T
	peak  bool
}

func foldAll[T, A number](w *fold, d, x []T, r reducer[T, A]) {
	if len(d) == 0 {
		return
	}
	top := reducerOf[T, T]("ReduceMax")
	if w.n == 0 {
		fillWords(d, r.end(r.start, 0, 0))
		return
	}
	w.c.Parallel(len(d), w.n, func(lo, hi int) {
		var temp [chunk]T
		w.over.each(lo, hi, func(i int, at []int) {
			var shift T
			if r.peak {
				shift = foldOne(w.within, x[at[0]:], &temp, top.start, 0, top.row)
				if math.IsInf(float64(shift), 0) {
					shift = 0
				}
			}
			d[i] = r.end(foldOne(w.within, x[at[0]:], &temp, r.start, shift, r.row), shift, w.n)
		})
	})
}

// foldOne folds the elements of a walk into one accumulator, row by row.
func foldOne[T, A number](l *loops, x []T, temp *[chunk]T, acc A, shift T, row func(A, T, []T) A) A {
	last := len(l.dims) - 1
	n, step := l.dims[last], l.strides[0][last]
	if last == 0 && step == 1 { // the usual case
		return row(acc, shift, x[:n])
	}
	l.each(0, l.rows(), func(_ int, off []int) {
		if step == 1 {
			acc = row(acc, shift, x[off[0]:off[0]+n])
			return
		}
		for i := 0; i < n; i += chunk {
			part := temp[:min(chunk, n-i)]
			for k := range part {
				part[k] = x[off[0]+(i+k)*step]
			}
			acc = row(acc, shift, part)
		}
	})
	return acc
}

// foldBools takes the maximum (any) or minimum (all) of truth values.
func foldBools(w *fold, d, x []bool, op string) {
	r := reducerOf[uint8, int64](op)
	foldAll(w, as[uint8](d), as[uint8](x), reducer[uint8, int64]{start: min(1, max(0, r.start)), row: r.row,
		end: func(acc int64, _ uint8, _ int) uint8 { return uint8(min(1, acc)) }})
}

func reducerOf[T, A number](op string) reducer[T, A] {
	var r reducer[T, A]
	r.end = func(acc A, _ T, _ int) T { return T(acc) }
	r.row = func(acc A, _ T, x []T) A {
		for _, v := range x {
			acc += A(v)
		}
		return acc
	}
	switch op {
	case "ReduceMean":
		r.end = func(acc A, _ T, n int) T { return T(acc / A(n)) }
	case "ReduceProd":
		r.start = 1
		r.row = func(acc A, _ T, x []T) A {
			for _, v := range x {
				acc *= A(v)
			}
			return acc
		}
	case "ReduceMax":
		r.start = least[A]()
		r.row = func(acc A, _ T, x []T) A {
			for _, v := range x {
				acc = max(acc, A(v))
			}
			return acc
		}
	case "ReduceMin":
		r.start = greatest[A]()
		r.row = func(acc A, _ T, x []T) A {
			for _, v := range x {
				acc = min(acc, A(v))
			}
			return acc
		}
	case "ReduceL1":
		r.row = func(acc A, _ T, x []T) A {
			for _, v := range x {
				if v < 0 {
					v = -v
				}
				acc += A(v)
			}
			return acc
		}
	case "ReduceL2", "ReduceSumSquare":
		r.row = func(acc A, _ T, x []T) A {
			for _, v := range x {
				acc += A(v) * A(v)
			}
			return acc
		}
		if op == "ReduceL2" {
			r.end = func(acc A, _ T, _ int) T { return T(math.Sqrt(float64(acc))) }
		}
	case "ReduceLogSum":
		r.end = func(acc A, _ T, _ int) T { return T(math.Log(float64(acc))) }
	case "ReduceLogSumExp":
		r.peak = true
		r.row = func(acc A, shift T, x []T) A {
			for _, v := range x {
				acc += A(math.Exp(float64(v) - float64(shift)))
			}
			return acc
		}
		r.end = func(acc A, shift T, _ int) T { return T(math.Log(float64(acc)) + float64(shift)) }
	}
	return r
}

// least and greatest are the ends of a type's range.
func least[T number]() T {
	var x any = T(0)
	switch x.(type) {
	case float32, float64:
		return T(math.Inf(-1))
	}
	var zero T
	if zero-1 > 0 {
		return 0
	}
	for x := zero - 1; ; x *= 2 {
		if x*2 > x || x*2 == 0 {
			return x
		}
	}
}

func greatest[T number]() T {
	var x any = T(0)
	switch x.(type) {
	case float32, float64:
		return T(math.Inf(1))
	}
	return least[T]() - 1
}
