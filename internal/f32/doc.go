// Package f32 holds the float32 kernels that matching and running models spend their time in: matrix products, and
// the vector operations around them.
//
// Kernels come in families (AVX-512, AVX2 with FMA, NEON, plain Go), chosen once when the program starts. On any number
// of threads a function gives the same bits. Sums in float64 do so for all families, products for all but
// plain Go, but for products of very few rows or columns, which NEON machines compute in another order.
//
// A matrix is a View: a slice and, for each direction, where the slots lie in it. Dense matrices, their transposes,
// axes of a tensor and the windows of a convolution are multiplied by one routine, which copies them block by block
// into the layout the kernels read (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008;
// strides for both directions as in BLIS).
//
// Functions panic when slices are too short for the sizes given, before any kernel runs: that is an error of the
// caller, not of the data.
package f32
