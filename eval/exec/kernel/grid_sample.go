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
	if !ok1 || !ok2 || len(x.Shape) != 4 || len(at.Shape) != 4 || at.Shape[3] != 2 || at.Shape[0] != x.Shape[0] {
		return fmt.Errorf("image %v of type %v and grid %v of type %v, want float32 and pairs", x.Shape, x.Type, at.Shape, at.Type)
	}
	channels, h, w := x.Shape[1], x.Shape[2], x.Shape[3]
	places := at.Shape[1] * at.Shape[2]
	out, err := c.New(0, x.Type, x.Shape[0], channels, at.Shape[1], at.Shape[2])
	if err != nil {
		return err
	}
	d := out.Data.([]float32)
	c.Parallel(x.Shape[0]*places, channels*16, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			fx, fy := g.scale(float64(grid[2*p]), w), g.scale(float64(grid[2*p+1]), h)
			xs, ys := g.taps(fx, w), g.taps(fy, h)
			for ch := range channels {
				plane := (p/places*channels + ch)
				sum := 0.0
				for _, ty := range ys {
					for _, tx := range xs {
						sum += ty.weight * tx.weight * float64(v[plane*h*w+ty.index*w+tx.index])
					}
				}
				d[plane*places+p%places] = float32(sum)
			}
		}
	})
	return nil
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
