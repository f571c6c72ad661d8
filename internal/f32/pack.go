package f32

// Copying a block of a View, given by the offsets of its rows and of its columns, into dense storage. Each of the three
// ways suits one shape of offsets: runs of neighbouring columns are copied whole, runs of neighbouring rows are
// transposed, and what has neither is gathered one by one.

// pack copies the block into a panel: dst[p·width + j] = src[rows[p] + cols[j]], the columns after the last set to zero.
func (s isa) pack(dst, src []float32, rows, cols []int) {
	w := s.width()
	switch {
	case inRuns(cols):
		s.copyBlock(dst, w, src, rows, cols)
	case w >= 8 && inRuns(rows):
		s.transposeBlock(dst, w, src, rows, cols)
	default:
		gather(dst, w, src, rows, cols)
	}
	if n := len(cols); n < w {
		for p := range rows {
			clear(dst[p*w+n : (p+1)*w])
		}
	}
}

// copyBlock sets dst[p·ld + j] = src[rows[p] + cols[j]] run by run of the columns.
func (s isa) copyBlock(dst []float32, ld int, src []float32, rows, cols []int) {
	for j := 0; j < len(cols); {
		n, at := runLen(cols[j:]), cols[j]
		if n >= 64 {
			for p, off := range rows {
				copy(dst[p*ld+j:][:n], src[off+at:])
			}
			j += n
			continue
		}
		n = min(n, s.width())
		s.copyRows(dst[j:], ld, src, at, rows, n)
		j += n
	}
}

// transposeBlock sets dst[p·ld + j] = src[rows[p] + cols[j]] run by run of the rows, 8 columns at a time. When the
// columns are not a multiple of 8 it writes some more, at most up to ld.
func (s isa) transposeBlock(dst []float32, ld int, src []float32, rows, cols []int) {
	var eight [8]int
	for j := 0; j < len(cols); j += 8 {
		for i := range eight {
			eight[i] = cols[min(j+i, len(cols)-1)]
		}
		for p := 0; p < len(rows); {
			n := runLen(rows[p:])
			s.transpose8(dst[p*ld+j:], ld, src, rows[p], &eight, n)
			p += n
		}
	}
}

// gather sets dst[p·ld + j] = src[rows[p] + cols[j]].
func gather(dst []float32, ld int, src []float32, rows, cols []int) {
	for p, off := range rows {
		to := dst[p*ld:][:len(cols)]
		for j, at := range cols {
			to[j] = src[off+at]
		}
	}
}

// inRuns reports whether the offsets come in runs of four neighbours or more on average, or in a single one.
func inRuns(offsets []int) bool {
	runs := 1
	for i := 1; i < len(offsets); i++ {
		if offsets[i] != offsets[i-1]+1 {
			runs++
		}
	}
	return runs == 1 || 4*runs <= len(offsets)
}

// runLen returns the length of the run of neighbours that offsets starts with.
func runLen(offsets []int) int {
	n := 1
	for n < len(offsets) && offsets[n] == offsets[0]+n {
		n++
	}
	return n
}

func copyRowsGo(dst []float32, ldd int, src []float32, base int, rows []int, n int) {
	for i, off := range rows {
		copy(dst[i*ldd:][:n], src[base+off:])
	}
}

func transpose8Go(dst []float32, ldd int, src []float32, base int, cols *[8]int, from, to int) {
	for p := from; p < to; p++ {
		row := (*[8]float32)(dst[p*ldd:])
		for j, off := range cols {
			row[j] = src[base+off+p]
		}
	}
}

func accumulate64Go(c []float64, ldc int, sums []float32, lds, m, n int) {
	for i := range m {
		row := c[i*ldc:][:n]
		for j, x := range sums[i*lds:][:n] {
			row[j] += float64(x)
		}
	}
}
