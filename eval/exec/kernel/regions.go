package kernel

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// detecting is the table of the operators on boxes and sampled places.
var detecting = ops{
	"NonMaxSuppression": compute(prepareSuppression),
	"RoiAlign":          compute(prepareRoiAlign),
	"AffineGrid":        compute(prepareAffineGrid),
	"Col2Im":            compute(prepareCol2Im),
	"DeformConv":        compute(prepareDeformConv),
}

// prepareSuppression prepares NonMaxSuppression: for every example and class,
// boxes by falling score, without those that overlap one chosen before.
func prepareSuppression(n *Node) (Kernel, error) {
	centred := n.Flag("center_point_box")
	return func(c *Call) error {
		boxes, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		scores, err := floats64(c.In[1])
		if err != nil {
			return err
		}
		b, s := c.In[0].Shape, c.In[1].Shape
		if len(b) != 3 || len(s) != 3 || b[2] != 4 || s[0] != b[0] || s[2] != b[1] {
			return fmt.Errorf("boxes of shape %v with scores of shape %v", b, s)
		}
		var limits [3]float64 // boxes of a class, overlap, score
		limits[2] = math.Inf(-1)
		for i := range limits {
			if c.Has(i + 2) {
				if limits[i], err = oneFloat(c.In[i+2]); err != nil {
					return err
				}
			}
		}
		var chosen []int64
		for i := range s[0] * s[1] {
			own, row := boxes[i/s[1]*b[1]*4:][:b[1]*4], scores[i*s[2]:][:s[2]]
			for _, k := range suppress(own, row, centred, int(limits[0]), limits[1], limits[2]) {
				chosen = append(chosen, int64(i/s[1]), int64(i%s[1]), int64(k))
			}
		}
		out, err := c.New(0, onnxgraph.Int64, len(chosen)/3, 3)
		if err == nil {
			copy(out.Data.([]int64), chosen)
		}
		return err
	}, nil
}

func suppress(boxes, scores []float64, centred bool, most int, overlap, least float64) []int {
	var order, chosen []int
	for k, s := range scores {
		if s > least {
			order = append(order, k)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	for _, k := range order {
		if len(chosen) >= most {
			break
		}
		one := boxOf(boxes[4*k:], centred)
		if !slices.ContainsFunc(chosen, func(j int) bool { return one.overlap(boxOf(boxes[4*j:], centred)) > overlap }) {
			chosen = append(chosen, k)
		}
	}
	return chosen
}

type box struct{ x0, y0, x1, y1 float64 }

// boxOf reads two corners y, x or, centred, a centre x, y and the sizes.
func boxOf(v []float64, centred bool) box {
	if centred {
		return box{v[0] - v[2]/2, v[1] - v[3]/2, v[0] + v[2]/2, v[1] + v[3]/2}
	}
	return box{min(v[1], v[3]), min(v[0], v[2]), max(v[1], v[3]), max(v[0], v[2])}
}

func (a box) area() float64 { return (a.x1 - a.x0) * (a.y1 - a.y0) }

// overlap is the part of the union that two boxes share.
func (a box) overlap(b box) float64 {
	w, h := min(a.x1, b.x1)-max(a.x0, b.x0), min(a.y1, b.y1)-max(a.y0, b.y0)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (a.area() + b.area() - w*h)
}

// roiAlign is a prepared RoiAlign.
type roiAlign struct {
	h, w, ratio  int
	scale, shift float64
	most         bool
}

func prepareRoiAlign(n *Node) (Kernel, error) {
	r := &roiAlign{h: int(n.Int("output_height", 1)), w: int(n.Int("output_width", 1)), ratio: int(n.Int("sampling_ratio", 0)),
		scale: float64(n.Float("spatial_scale", 1)), most: n.String("mode", "avg") == "max"}
	if n.Version >= 16 && n.String("coordinate_transformation_mode", "half_pixel") == "half_pixel" {
		r.shift = 0.5
	}
	return r.run, nil
}

func (r *roiAlign) run(c *Call) error {
	x, ok := c.In[0].Data.([]float32)
	rois, err := floats64(c.In[1])
	if err != nil {
		return err
	}
	example, err := ints(c.In[2])
	if err != nil {
		return err
	}
	shape := c.In[0].Shape
	if !ok || len(shape) != 4 || len(rois) != 4*len(example) {
		return fmt.Errorf("%d numbers of regions for %d examples of an image %v of type %v", len(rois), len(example), shape, c.In[0].Type)
	}
	out, err := c.New(0, c.In[0].Type, len(example), shape[1], r.h, r.w)
	if err != nil {
		return err
	}
	d, plane, cells := out.Data.([]float32), shape[2]*shape[3], r.h*r.w
	for i, e := range example {
		if e < 0 || e >= shape[0] {
			return fmt.Errorf("example %d of %d", e, shape[0])
		}
		at, err := r.places(rois[4*i:], shape[2], shape[3])
		if err != nil {
			return err
		}
		for ch := range shape[1] {
			image := x[(e*shape[1]+ch)*plane:][:plane]
			for k, corners := range at {
				d[(i*shape[1]+ch)*cells+k] = r.pool(image, corners)
			}
		}
	}
	return nil
}

// places lists the samples of every cell of a region, four corners each.
func (r *roiAlign) places(roi []float64, h, w int) ([][]tapWeight, error) {
	x0, y0 := roi[0]*r.scale-r.shift, roi[1]*r.scale-r.shift
	width, height := roi[2]*r.scale-r.shift-x0, roi[3]*r.scale-r.shift-y0
	if r.shift == 0 {
		width, height = max(width, 1), max(height, 1)
	}
	stepX, stepY := width/float64(r.w), height/float64(r.h)
	nx, ny := r.ratio, r.ratio
	if r.ratio <= 0 {
		nx, ny = int(math.Ceil(stepX)), int(math.Ceil(stepY))
	}
	if nx < 0 || ny < 0 || nx > 1<<12 || ny > 1<<12 || r.h <= 0 || r.w <= 0 || r.h*r.w > 1<<20 {
		return nil, fmt.Errorf("a region of %g by %g in %d by %d cells", width, height, r.w, r.h)
	}
	out := make([][]tapWeight, r.h*r.w)
	for k := range out {
		for s := range nx * ny {
			y := y0 + (float64(k/r.w)+(float64(s/nx)+0.5)/float64(ny))*stepY
			x := x0 + (float64(k%r.w)+(float64(s%nx)+0.5)/float64(nx))*stepX
			out[k] = append(out[k], corners(y, x, h, w)...)
		}
	}
	return out, nil
}

// corners returns the four elements that a place lies between; places beyond
// the image by one element or more have no weight.
func corners(y, x float64, h, w int) []tapWeight {
	if y < -1 || y > float64(h) || x < -1 || x > float64(w) {
		return make([]tapWeight, 4)
	}
	y, x = min(max(y, 0), float64(h-1)), min(max(x, 0), float64(w-1))
	i, j := int(y), int(x)
	fy, fx := y-float64(i), x-float64(j)
	down, right := min(i+1, h-1), min(j+1, w-1)
	return []tapWeight{{i*w + j, (1 - fy) * (1 - fx)}, {i*w + right, (1 - fy) * fx}, {down*w + j, fy * (1 - fx)}, {down*w + right, fy * fx}}
}

// pool takes the mean of a cell's samples, or the greatest of their corners.
func (r *roiAlign) pool(image []float32, taps []tapWeight) float32 {
	if len(taps) == 0 {
		return 0
	}
	sum, most := 0.0, math.Inf(-1)
	for _, t := range taps {
		v := t.weight * float64(image[t.index])
		sum, most = sum+v, max(most, v)
	}
	if r.most {
		return float32(most)
	}
	return float32(sum / float64(len(taps)/4))
}

// prepareAffineGrid prepares AffineGrid: the places that an affine map sends
// the elements of an image to, -1 to 1 along each axis.
func prepareAffineGrid(n *Node) (Kernel, error) {
	corners := n.Flag("align_corners")
	return func(c *Call) error {
		theta, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		sizes, err := ints(c.In[1])
		if err != nil {
			return err
		}
		rank := len(sizes) - 2
		if rank < 1 || !equalShape(c.In[0].Shape, []int{sizes[0], rank, rank + 1}) {
			return fmt.Errorf("maps of shape %v for images %v", c.In[0].Shape, sizes)
		}
		shape := append(append([]int{sizes[0]}, sizes[2:]...), rank)
		if err := c.room(shape...); err != nil {
			return err
		}
		y, places := make([]float64, size(shape)), size(sizes[2:])
		at := make([]float64, rank+1) // x, y, …, 1
		at[rank] = 1
		for p := range sizes[0] * places {
			rest := p % places
			for i := range rank {
				d := sizes[len(sizes)-1-i]
				at[i] = (2*float64(rest%d)+1)/float64(d) - 1
				if corners {
					at[i] = 2*float64(rest%d)/float64(d-1) - 1
				}
				rest /= d
			}
			for i := range rank {
				for k, v := range at {
					y[p*rank+i] += theta[(p/places*rank+i)*(rank+1)+k] * v
				}
			}
		}
		return c.give(0, c.In[0].Type, y, shape...)
	}, nil
}

// prepareCol2Im prepares Col2Im: the sum of all windows, each put back to where
// it lies in the image.
func prepareCol2Im(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	return func(c *Call) error {
		x := c.In[0]
		v, err := floats64(x)
		if err != nil {
			return err
		}
		image, err := ints(c.In[1])
		if err != nil {
			return err
		}
		kernel, err := ints(c.In[2])
		if err != nil {
			return err
		}
		for _, k := range kernel {
			if k <= 0 {
				return fmt.Errorf("kernel %v", kernel)
			}
		}
		p, err := w.place(image, kernel)
		if err != nil {
			return err
		}
		taps, places, plane := size(kernel), size(p.out), size(image)
		if len(x.Shape) != 3 || x.Shape[1]%taps != 0 || x.Shape[2] != places {
			return fmt.Errorf("shape %v for windows %v at %v places", x.Shape, kernel, p.out)
		}
		channels := x.Shape[1] / taps
		shape := append([]int{x.Shape[0], channels}, image...)
		if err := c.room(shape...); err != nil {
			return err
		}
		if err := p.room(c, channels, 1); err != nil {
			return err
		}
		y, at := make([]float64, size(shape)), p.targets()
		for ch := range x.Shape[0] * channels {
			for i, to := range at {
				if to >= 0 {
					y[ch*plane+to] += v[ch*taps*places+i]
				}
			}
		}
		return c.give(0, x.Type, y, shape...)
	}, nil
}

// targets lists, for every tap of the window and every place of it, the offset
// of the element it reads, -1 if that is padding.
func (p *placement) targets() []int {
	out := make([]int, 0, size(p.kernel)*size(p.out))
	steps := strides(p.in)
	for t := range size(p.kernel) {
		for o := range size(p.out) {
			off, tap, place := 0, t, o
			for i := len(p.in) - 1; i >= 0; i-- {
				at := place%p.out[i]*p.stride[i] + tap%p.kernel[i]*p.dilation[i] - p.before[i]
				tap, place = tap/p.kernel[i], place/p.out[i]
				if at < 0 || at >= p.in[i] {
					off = math.MinInt / 2
				}
				off += at * steps[i]
			}
			out = append(out, max(-1, off))
		}
	}
	return out
}
