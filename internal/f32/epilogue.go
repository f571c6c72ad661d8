package f32

import "fmt"

// Epilogue is what is done to C = A·B + beta·C while it is at hand: first RowBias[i] and ColBias[j], each when not nil,
// are added to C[i,j], then negative elements become zero if Relu is set.
type Epilogue struct {
	RowBias, ColBias []float32
	Relu             bool
}

func (e *Epilogue) empty() bool { return e.RowBias == nil && e.ColBias == nil && !e.Relu }

func (e *Epilogue) check(m, n int) {
	if e.RowBias != nil && len(e.RowBias) != m {
		panic(fmt.Sprintf("f32: %d row biases for %d rows", len(e.RowBias), m))
	}
	if e.ColBias != nil && len(e.ColBias) != n {
		panic(fmt.Sprintf("f32: %d column biases for %d columns", len(e.ColBias), n))
	}
}

// apply finishes the part of row i that starts at column j.
func (e *Epilogue) apply(row []float32, i, j int) {
	if e.ColBias != nil {
		Add(row, row, e.ColBias[j:][:len(row)])
	}
	shift, floor := minusZero, minusInf
	if e.RowBias != nil {
		shift = e.RowBias[i]
	}
	if e.Relu {
		floor = 0
	}
	if e.RowBias != nil || e.Relu {
		affine(row, row, 1, shift, floor)
	}
}
