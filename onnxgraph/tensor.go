package onnxgraph

// Tensor is a dense tensor held in memory, row-major: what a runtime takes and
// gives, and what data sets are made of.
//
// Data is a slice of the Go type of the element: []float32, []float64, []int8,
// []int16, []int32, []int64, []uint8, []uint16, []uint32, []uint64, []bool,
// []string. Float16 and BFloat16 are held as []uint16 bit patterns.
type Tensor struct {
	Type  DataType
	Shape []int
	Data  any
}
