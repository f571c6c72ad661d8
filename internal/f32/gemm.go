package f32

// Gemm computes C = alpha·op(A)·op(B) + beta·C for row-major matrices: C is m by n, op(A) m by k, op(B) k by n, and
// op(X) is X, or its transpose when the flag is set (A is then stored k by m, B n by k). lda, ldb and ldc are the
// distances between stored rows. With beta = 0, C is written without being read; with alpha = 0, A and B are not read.
// C must not overlap A or B.
//
// Gemm panics when a matrix does not fit its slice.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	ParGemm(1, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// ParGemm is Gemm on up to the given number of goroutines. The result does not depend on how many.
func ParGemm(threads int, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	Product(threads, alpha, operand(transA, m, k, a, lda), operand(transB, k, n, b, ldb), beta, c, ldc, Epilogue{})
}

// GemmPacked computes C = A·B + beta·C and then applies the epilogue, for a B packed before.
func GemmPacked(threads, m int, a []float32, lda int, b *Packed, beta float32, c []float32, ldc int, then Epilogue) {
	ProductPacked(threads, 1, Dense(a, m, b.k, lda), b, beta, c, ldc, then)
}

// Product computes C = alpha·A·B + beta·C and then applies the epilogue, for matrices laid out in any way.
// A convolution is a Product of its weights with a View of the padded image's windows; nothing is unfolded but one
// block of a few hundred kilobytes at a time.
func Product(threads int, alpha float32, a, b View, beta float32, c []float32, ldc int, then Epilogue) {
	g := product{isa: current, a: a, b: b, alpha: alpha, beta: beta, c: c, ldc: ldc, then: then}
	g.run(threads)
}

// ProductPieces is Product for a C whose rows are cut into pieces.
func ProductPieces(threads int, alpha float32, a, b View, beta float32, c []float32, ldc int, pieces Pieces, then Epilogue) {
	g := product{isa: current, a: a, b: b, alpha: alpha, beta: beta, c: c, ldc: ldc, pieces: pieces, then: then}
	g.run(threads)
}

// ProductPacked is Product for a B packed before.
func ProductPacked(threads int, alpha float32, a View, b *Packed, beta float32, c []float32, ldc int, then Epilogue) {
	g := product{a: a, packed: b, alpha: alpha, beta: beta, c: c, ldc: ldc, then: then}
	g.run(threads)
}

// ProductAcc computes C += A·B, at most Depth products at a time: for a large C that is seldom in a cache.
func ProductAcc(threads int, a, b View, c []float32, ldc int) {
	g := product{isa: current, a: a, b: b, alpha: 1, beta: 1, c: c, ldc: ldc, deep: true}
	g.run(threads)
}

// ProductAcc64 computes C += A·B into a float64 matrix: at most Depth products are summed in float32, all else in
// float64.
func ProductAcc64(threads int, a, b View, c []float64, ldc int) {
	g := product{isa: current, a: a, b: b, alpha: 1, beta: 1, c64: c, ldc: ldc, deep: true}
	g.run(threads)
}

// operand is the View of a BLAS argument: rows by cols, or the transpose of what is stored.
func operand(trans bool, rows, cols int, data []float32, ld int) View {
	if trans {
		return Dense(data, cols, rows, ld).T()
	}
	return Dense(data, rows, cols, ld)
}
