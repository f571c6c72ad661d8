package kernel

import (
	"fmt"
	"math"
)

// gridSample is a prepared GridSample over images.
type gridSample struct {
	mode, padding string
	corners       bool
}

func prepareGridSample(n *Node) (Kernel, error) {
	g := &gridSample{mode: n.String("mode", "bilinear"), padding: n.String("padding_mode", "zeros"), corners: n.Flag("align_corners")}
	switch g.mode {
	case "linear":
		g.mode = "bilinear"
	case "cubic":
		g.mode = "bicubic"
	case "bilinear", "bicubic", "nearest":
	default:
		return nil, fmt.Errorf("mode %q", g.mode)
	}
	return g.run, nil
}

func (g *gridSample) run(c *Call) error {
	x, at := c.In[0], c.In[1]
	v, ok1 := x.Data.([]float32)
	grid, ok2 := at.Data.([]float32)
	rank := len(x.Shape) - 2
	if !ok1 || !ok2 || rank < 1 || len(at.Shape) != rank+2 || at.Shape[rank+1] != rank || at.Shape[0] != x.Shape[0] {
		return fmt.Errorf("image %v of type %v and grid %v of type %v, want float32 and a coordinate for every axis", x.Shape, x.Type, at.Shape, at.Type)
	}
	channels, in, places := x.Shape[1], x.Shape[2:], size(at.Shape[1:rank+1])
	out, err := c.New(0, x.Type, append([]int{x.Shape[0], channels}, at.Shape[1:rank+1]...)...)
	if err != nil {
		return err
	}
	d, plane := out.Data.([]float32), size(in)
	c.Parallel(x.Shape[0]*places, channels*16, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			taps := []tapWeight{{0, 1}} // offsets in the image
			for i := range in {
				n, from := in[i], g.scale(float64(grid[rank*(p+1)-1-i]), in[i])
				taps = crossed(taps, n, g.taps(from, n))
			}
			for ch := range channels {
				image := v[(p/places*channels+ch)*plane:][:plane]
				sum := 0.0
				for _, t := range taps {
					sum += t.weight * float64(image[t.index])
				}
				d[(p/places*channels+ch)*places+p%places] = float32(sum)
			}
		}
	})
	return nil
}

// crossed combines taps on outer axes with those on the next one, of n elements.
func crossed(outer []tapWeight, n int, inner []tapWeight) []tapWeight {
	out := make([]tapWeight, 0, len(outer)*len(inner))
	for _, a := range outer {
		for _, b := range inner {
			out = append(out, tapWeight{a.index*n + b.index, a.weight * b.weight})
		}
	}
	return out
}

// scale brings a coordinate from -1…1 to elements of an axis of size n.
func (g *gridSample) scale(x float64, n int) float64 {
	if g.corners {
		return (x + 1) / 2 * float64(n-1)
	}
	return ((x+1)*float64(n) - 1) / 2
}

// taps returns the elements that the value at x is mixed from; none beyond the
// ends if these are padded with zeros.
func (g *gridSample) taps(x float64, n int) []tapWeight {
	if g.padding == "border" && g.mode != "bicubic" {
		x = max(0, min(float64(n-1), x))
	} else if g.padding == "reflection" && g.mode != "bicubic" {
		x = g.reflect(x, n)
	}
	var taps []tapWeight
	put := func(i int, w float64) {
		if i < 0 || i >= n {
			switch g.padding {
			case "zeros":
				return
			case "border":
				i = bound1(i, n-1)
			case "reflection":
				i = bound1(int(math.Round(g.reflect(float64(i), n))), n-1)
			}
		}
		taps = append(taps, tapWeight{i, w})
	}
	base := math.Floor(x)
	switch g.mode {
	case "nearest":
		put(int(math.RoundToEven(x)), 1)
	case "bilinear":
		put(int(base), 1-(x-base))
		put(int(base)+1, x-base)
	default:
		f := filter{a: -0.75}
		for i := -1; i <= 2; i++ {
			put(int(base)+i, f.cubic(float64(i)-(x-base)))
		}
	}
	return taps
}

// reflect folds a coordinate back into the axis, at the centres of the end
// elements or at their outer edges.
func (g *gridSample) reflect(x float64, n int) float64 {
	lo, hi := -0.5, float64(n)-0.5
	if g.corners {
		lo, hi = 0, float64(n-1)
	}
	width := hi - lo
	if width <= 0 {
		return 0
	}
	x = math.Mod(math.Abs(x-lo), 2*width)
	if x > width {
		x = 2*width - x
	}
	return max(0, min(float64(n-1), x+lo))
}
