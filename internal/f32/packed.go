package f32

// Packed is a matrix B laid out for multiplying from the left again and again. It does not change and may be used by
// many goroutines at once.
//
// Rows are cut into blocks of kc, columns into panels of the kernels' width; a panel's part of a block is contiguous,
// row after row, the last panel filled up with zeros:
//
//	data[(p - p%kc)·padded + (j/width)·rows·width + (p%kc)·width + j%width] = B[p,j]
//
// where rows is the height of the block.
type Packed struct {
	isa    isa
	k, n   int
	padded int // n rounded up to the width
	data   []float32
}

// PackB packs the k by n matrix B, or the transpose of the n by k matrix stored in b when trans is set.
func PackB(trans bool, k, n int, b []float32, ldb int) *Packed {
	return Pack(operand(trans, k, n, b, ldb))
}

// Pack packs any matrix. Cost: one pass over it and as much memory again.
func Pack(v View) *Packed {
	v.check("B")
	w := current.width()
	p := &Packed{isa: current, k: v.Rows.n, n: v.Cols.n, padded: (v.Cols.n + w - 1) / w * w}
	p.data = make([]float32, p.k*p.padded)
	var rowBuf [kc]int
	var colBuf [64]int
	for i := 0; i < p.k; i += kc {
		rows := v.Rows.offsets(i, min(i+kc, p.k), rowBuf[:])
		for j := 0; j < p.n; j += w {
			cols := v.Cols.offsets(j, min(j+w, p.n), colBuf[:])
			p.isa.pack(p.panel(i, j)[:len(rows)*w], v.Data, rows, cols)
		}
	}
	return p
}

// Size returns the height and the width of the packed matrix.
func (p *Packed) Size() (k, n int) { return p.k, p.n }

// panel returns block i/kc of the panel from column j on and what follows it.
func (p *Packed) panel(i, j int) []float32 {
	return p.data[i*p.padded+j*min(kc, p.k-i):]
}
