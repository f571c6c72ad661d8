//go:build !amd64

package f32

func (s isa) panel(t *tile) { panelGo(t) }

func (s isa) copyRows(dst []float32, ldd int, src []float32, base int, rows []int, n int) {
	copyRowsGo(dst, ldd, src, base, rows, n)
}

func (s isa) transpose8(dst []float32, ldd int, src []float32, base int, cols *[8]int, n int) {
	transpose8Go(dst, ldd, src, base, cols, 0, n)
}

func (s isa) accumulate64(c []float64, ldc int, sums []float32, lds, m, n int) {
	accumulate64Go(c, ldc, sums, lds, m, n)
}
