package kernel

import "math"

// filter says how a value between elements is found.
type filter struct {
	mode      string // nearest, linear or cubic
	nearest   string
	a         float64 // of the cubic
	exclude   bool    // elements beyond the ends have no weight
	antialias bool
}

// tapWeight is one element that a value is mixed from.
type tapWeight struct {
	index  int
	weight float64
}

// taps returns the elements, of n, that the value at x is mixed from. scale is
// the output's size over the input's.
func (f *filter) taps(x, scale float64, n int) []tapWeight {
	if f.mode == "nearest" {
		return []tapWeight{{bound1(f.round(x, scale), n-1), 1}}
	}
	if f.mode == "linear" && !f.antialias {
		x = max(0, min(float64(n-1), x))
	}
	reach, curve := 1.0, triangle
	if f.mode == "cubic" {
		reach, curve = 2, f.cubic
	}
	stretch := 1.0
	if f.antialias && scale < 1 {
		stretch = scale
	}
	base := math.Floor(x)
	first := int(math.Floor(-reach/stretch)) + 1
	var taps []tapWeight
	sum := 0.0
	for i := first; i < 2-first; i++ {
		at := int(base) + i
		w := curve(stretch * (float64(i) - (x - base)))
		if f.exclude && (at < 0 || at >= n) || w == 0 {
			continue
		}
		sum += w
		taps = append(taps, tapWeight{bound1(at, n-1), w})
	}
	if f.exclude || f.antialias {
		for i := range taps {
			taps[i].weight /= sum
		}
	}
	return taps
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// cubic is Keys' cubic convolution kernel (1981) with parameter a.
func (f *filter) cubic(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x <= 1:
		return ((f.a+2)*x-(f.a+3))*x*x + 1
	case x < 2:
		return ((f.a*x-5*f.a)*x+8*f.a)*x - 4*f.a
	}
	return 0
}

func (f *filter) round(x, scale float64) int {
	switch f.nearest {
	case "round_prefer_floor":
		return int(math.Ceil(x - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5))
	case "ceil":
		return int(math.Ceil(x))
	case "simple":
		if scale < 1 {
			return int(math.Ceil(x))
		}
	}
	return int(math.Floor(x))
}

// along resizes one axis.
func (r *resizing) along(c *Call, to, from *Tensor, axis int, a axisResize) error {
	if err := c.room(a.out, 8); err != nil { // a list of at least one tap
		return err
	}
	taps := make([][]tapWeight, a.out)
	for i := range taps {
		x := r.place(a, i)
		if r.cropped && (x < 0 || x > float64(a.in-1)) {
			continue // outside
		}
		taps[i] = r.taps(x, a.scale, a.in)
	}
	outer, n, inner := split3(from.Shape, axis)
	if r.mode == "nearest" && !r.cropped {
		copyBlocks(c, to, from, outer*a.out, inner, func(b int) int {
			return (b/a.out*n + taps[b%a.out][0].index) * inner
		})
		return nil
	}
	switch v := from.Data.(type) {
	case []float32:
		mix(c, to.Data.([]float32), v, taps, outer, n, inner, float32(r.outside))
	case []float64:
		mix(c, to.Data.([]float64), v, taps, outer, n, inner, r.outside)
	default:
		return badType(from)
	}
	return nil
}

// mix computes the weighted sums of blocks of inner elements.
func mix[T float](c *Call, d, x []T, taps [][]tapWeight, outer, n, inner int, outside T) {
	c.Parallel(outer, len(taps)*inner*2, func(lo, hi int) {
		for o := lo; o < hi; o++ {
			for i, list := range taps {
				block := d[(o*len(taps)+i)*inner:][:inner]
				if list == nil {
					fillWords(block, outside)
					continue
				}
				clear(block)
				for _, t := range list {
					w := T(t.weight)
					from := x[(o*n+t.index)*inner:][:inner]
					for k, v := range from {
						block[k] += w * v
					}
				}
			}
		}
	})
}
