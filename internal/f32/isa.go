package f32

// isa names a family of kernels. Every family computes the same functions; they differ in speed and, for the matrix
// products, in rounding: the assembly families agree bit for bit, portable does not fuse its multiplications and
// additions unless the compiler does.
type isa int

const (
	portable isa = iota // plain Go
	neon                // arm64, 4 lanes
	avx2                // AVX2 and FMA, 8 lanes
	avx512              // AVX-512 F, BW, DQ and VL, 16 lanes
)

// current is the family in use, the last of those this machine and its operating system support. Tests lower it.
var current = families[len(families)-1]

func (s isa) String() string {
	return [...]string{"portable", "neon", "avx2", "avx512"}[s]
}

// width returns how many columns of B a panel kernel takes at once, the width of a packed panel.
func (s isa) width() int {
	return [...]int{4, 8, 16, 32}[s]
}

// ISA names the kernels in use: "avx512", "avx2", "neon" or "portable".
func ISA() string { return current.String() }
