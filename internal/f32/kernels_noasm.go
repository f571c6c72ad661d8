//go:build !amd64

package f32

// What has no assembly but on amd64.

func (s isa) transpose8(dst []float32, ldd int, src []float32, base int, cols *[8]int, n int) {
	transpose8Go(dst, ldd, src, base, cols, 0, n)
}

func fetch[F float32 | float64](c []F, ldc, m, n int) {}

func (s isa) accumulate64(c []float64, ldc int, sums []float32, lds, m, n int) {
	accumulate64Go(c, ldc, sums, lds, m, n)
}

func (s isa) dots4(x, y []float32, stride int) [4]float32 { return dots4Go(x, y, stride) }

func (s isa) combine8(y []float32, x *[8]float32, rows []float32, stride int) {
	combine8Go(y, x, rows, stride)
}
