//go:build !amd64 && !arm64

package f32

func (s isa) panel(t *tile) { panelGo(t) }

func (s isa) copyRows(dst []float32, ldd int, src []float32, base int, rows []int, n int) {
	copyRowsGo(dst, ldd, src, base, rows, n)
}
