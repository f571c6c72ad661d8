package onnxgraph

// Dim is the size of one tensor axis: a known number, or a symbolic product
// such as 4·batch. Dims are comparable: two symbolic Dims are equal only when
// they are certainly the same size. The zero Dim is size 0.
type Dim struct {
	coef int64
	syms string // sorted symbols joined by "·"; "" for a known size
}
