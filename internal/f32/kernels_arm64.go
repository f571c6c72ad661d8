package f32

//go:noescape
func panelNEON(t *tile)

// copyRows8NEON copies m rows of 8 elements: dst[i·ldd + j] = src[base + rows[i] + j].
//
//go:noescape
func copyRows8NEON(dst *float32, ldd int, src *float32, base int, rows *int, m int)

// panel runs the panel kernel.
func (s isa) panel(t *tile) {
	if s == neon {
		panelNEON(t)
		return
	}
	panelGo(t)
}

// copyRows sets dst[i·ldd + j] = src[base + rows[i] + j] for j < n; n is at most width().
func (s isa) copyRows(dst []float32, ldd int, src []float32, base int, rows []int, n int) {
	if s == neon && n == 8 {
		copyRows8NEON(&dst[0], ldd, &src[0], base, &rows[0], len(rows))
		return
	}
	copyRowsGo(dst, ldd, src, base, rows, n)
}
