package f32

import (
	"fmt"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/cputime"
)

// Products beside those of numpy, in two columns:
//
//	go test -run '^$' -bench Gemm -count 6 ./internal/f32 > ours.txt
//	OPENBLAS_NUM_THREADS=1 python3 internal/f32/testdata/numpy_gemm.py > numpy.txt
//	benchstat ours.txt numpy.txt

// shapes are m, n, k: squares, convolutions of a ResNet, layers at small batch sizes. numpy_gemm.py has the same.
var shapes = [][3]int{
	{64, 64, 64}, {256, 256, 256}, {1024, 1024, 1024},
	{64, 3136, 576}, {256, 196, 2304}, {512, 49, 4608}, {1024, 64, 9},
	{1, 1024, 1024}, {8, 1024, 1024}, {32, 1024, 1024}, {1024, 1, 1024},
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range shapes {
		for _, trans := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s[0], s[1], s[2], map[bool]string{false: "NN", true: "NT"}[trans]), func(b *testing.B) {
				x, y, c := operands(s)
				ldb := s[1]
				if trans {
					ldb = s[2]
				}
				b.ReportAllocs()
				start := cputime.Seconds()
				for b.Loop() {
					Gemm(false, trans, s[0], s[1], s[2], 1, x, s[2], y, ldb, 0, c, s[1])
				}
				reportFlops(b, start, s)
			})
		}
	}
}

func BenchmarkGemmPacked(b *testing.B) {
	for _, s := range shapes {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			x, y, c := operands(s)
			packed := PackB(false, s[2], s[1], y, s[1])
			then := Epilogue{ColBias: c[:s[1]], Relu: true}
			b.ReportAllocs()
			start := cputime.Seconds()
			for b.Loop() {
				GemmPacked(1, s[0], x, s[2], packed, 0, c, s[1], then)
			}
			reportFlops(b, start, s)
		})
	}
}

func BenchmarkAcc(b *testing.B)   { benchmarkAcc(b, ProductAcc) }
func BenchmarkAcc64(b *testing.B) { benchmarkAcc(b, ProductAcc64) }

func benchmarkAcc[F float32 | float64](b *testing.B, product func(threads int, a, b View, c []F, ldc int)) {
	for _, s := range append(shapes[:4:4], [3]int{2048, 2048, 512}, [3]int{2048, 2048, 64}) {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			x, y, _ := operands(s)
			c := make([]F, s[0]*s[1])
			b.ReportAllocs()
			start := cputime.Seconds()
			for b.Loop() {
				product(1, Dense(x, s[0], s[2], s[2]), Dense(y, s[2], s[1], s[1]), c, s[1])
			}
			reportFlops(b, start, s)
		})
	}
}

// BenchmarkConv is a 3 by 3 convolution over a padded image, its windows a View.
func BenchmarkConv(b *testing.B) {
	for _, s := range []struct{ channels, side, stride int }{{64, 56, 1}, {128, 28, 1}, {256, 14, 1}, {512, 7, 1}, {64, 56, 2}} {
		b.Run(fmt.Sprintf("%dx%d/%d", s.channels, s.side, s.stride), func(b *testing.B) {
			windows, out := windows3x3(s.channels, s.side, s.stride)
			m, n, k := s.channels, out*out, windows.Rows.Len()
			weights, c := make([]float32, m*k), make([]float32, m*n)
			fill(weights, windows.Data)
			then := Epilogue{RowBias: make([]float32, m), Relu: true}
			b.ReportAllocs()
			start := cputime.Seconds()
			for b.Loop() {
				Product(1, 1, Dense(weights, m, k, k), windows, 0, c, n, then)
			}
			reportFlops(b, start, [3]int{m, n, k})
		})
	}
}

// windows3x3 returns the windows of a square image with a border of one.
func windows3x3(channels, side, stride int) (windows View, out int) {
	padded := side + 2
	out = (padded-3)/stride + 1
	var rows, cols []int
	for c := range channels {
		for y := range 3 {
			for x := range 3 {
				rows = append(rows, (c*padded+y)*padded+x)
			}
		}
	}
	for y := range out {
		for x := range out {
			cols = append(cols, (y*padded+x)*stride)
		}
	}
	return View{Data: make([]float32, channels*padded*padded), Rows: Offsets(rows), Cols: Offsets(cols)}, out
}

func BenchmarkVector(b *testing.B) {
	const n = 4096
	x, y := make([]float32, n), make([]float32, n)
	fill(x, y)
	for _, op := range []struct {
		name string
		run  func()
	}{
		{"Add", func() { Add(y, y, x) }},
		{"Axpy", func() { Axpy(y, 0.5, x) }},
		{"Relu", func() { Relu(y, x) }},
		{"Dot", func() { Dot(x, y) }},
		{"SquaredDistance", func() { SquaredDistance(x, y) }},
		{"Max", func() { Max(x) }},
		{"Exp", func() { Exp(y, x) }},
		{"Sigmoid", func() { Sigmoid(y, x) }},
		{"Tanh", func() { Tanh(y, x) }},
		{"Erf", func() { Erf(y, x) }},
		{"Gelu", func() { Gelu(y, x) }},
		{"Softmax", func() { Softmax(y, x) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(4 * n)
			for b.Loop() {
				op.run()
			}
		})
	}
}

func operands(s [3]int) (a, b, c []float32) {
	a, b, c = make([]float32, s[0]*s[2]), make([]float32, s[2]*s[1]), make([]float32, s[0]*s[1])
	fill(a, b)
	return a, b, c
}

// fill writes to every page, or all of a slice would be one page of zeros.
func fill(xs ...[]float32) {
	for _, x := range xs {
		for i := range x {
			x[i] = float32(i%7) - 3
		}
	}
}

// reportFlops counts the processor time since start: a clock would count what other processes do.
func reportFlops(b *testing.B, start float64, s [3]int) {
	flops := 2 * float64(s[0]) * float64(s[1]) * float64(s[2]) * float64(b.N)
	b.ReportMetric(flops/(cputime.Seconds()-start)/1e9, "GFLOP/cpu-s")
}
