//go:build !amd64

package f32

// Without vector kernels all elements are left to the loops around them.

func (s isa) curve(f curve, dst, x []float32) bool                     { return false }
func (s isa) axpy(y []float32, a float32, x []float32) int             { return 0 }
func (s isa) add(dst, a, b []float32) int                              { return 0 }
func (s isa) sub(dst, a, b []float32) int                              { return 0 }
func (s isa) mul(dst, a, b []float32) int                              { return 0 }
func (s isa) div(dst, a, b []float32) int                              { return 0 }
func (s isa) greater(dst, a, b []float32) int                          { return 0 }
func (s isa) greaterOfPairs(dst, x []float32) int                      { return 0 }
func (s isa) affine(dst, x []float32, scale, shift, floor float32) int { return 0 }
func (s isa) dot(x, y []float32) float64                               { return dotGo(x, y) }
func (s isa) distance(x, y []float32) float64                          { return distanceGo(x, y) }
func (s isa) sum64(x []float32) float64                                { return sumGo(x) }
func (s isa) max(x []float32) (int, float32)                           { return 0, minusInf }
