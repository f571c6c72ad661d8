package f32

import "github.com/onnx-rebasin/onnx-rebasin/internal/parallel"

// grain is the least number of multiply-adds worth a goroutine of its own, about ten microseconds of work.
const grain = 1 << 19

// run computes the product on up to the given number of goroutines.
func (g *product) run(threads int) {
	g.plan()
	if g.m == 0 || g.n == 0 {
		return
	}
	threads = max(1, min(threads, g.m*g.n*max(g.k, 1)/grain))
	if threads == 1 {
		g.block(0, g.m, 0, g.n)
		return
	}
	shared := *g // so that g itself stays on the stack
	shared.split(threads)
}

// split cuts C into a grid, by columns first: then no two goroutines pack the same part of B. Every sum is made whole
// by one goroutine in the one order there is, so the cut does not show in the result.
func (g *product) split(threads int) {
	w := g.isa.width()
	across := min(threads, max(1, g.n/(2*w)))
	down := min(threads/across, max(1, g.m/12))
	parallel.For(down*across, down*across, func(i int) {
		y, x := i/across, i%across
		g.block(share(g.m, down, y, 12), share(g.m, down, y+1, 12), share(g.n, across, x, w), share(g.n, across, x+1, w))
	})
}

// share returns where part i of n begins when n is cut into the given number of parts at multiples of unit.
func share(n, parts, i, unit int) int {
	units := (n + unit - 1) / unit
	return min(n, units*i/parts*unit)
}
