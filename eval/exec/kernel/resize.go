package kernel

import (
	"fmt"
	"math"
	"slices"
)

// resampling is the table of the operators that read between the elements.
var resampling = ops{
	"Resize":     move(prepareResize),
	"Upsample":   move(prepareResize),
	"GridSample": compute(prepareGridSample),
}

// resizing is a prepared Resize or Upsample.
type resizing struct {
	filter
	scales     []float32 // attribute of Upsample before opset 9
	scalesAt   int       // the input that holds scales
	axes       []int
	coordinate string
	policy     string
	outside    float64 // extrapolation_value
	cropped    bool    // tf_crop_and_resize
}

// prepareResize prepares Resize and its forerunner Upsample. Before opset 11
// coordinates are asymmetric, and the nearest element is the one before when
// growing, the one after when shrinking.
func prepareResize(n *Node) (Kernel, error) {
	r := &resizing{scalesAt: 2, coordinate: n.String("coordinate_transformation_mode", "half_pixel"),
		axes: n.Ints("axes"), policy: n.String("keep_aspect_ratio_policy", "stretch"),
		outside: float64(n.Float("extrapolation_value", 0)), scales: n.Floats("scales")}
	if n.HasAttr("height_scale") && n.HasAttr("width_scale") { // Upsample in opset 1
		r.scales = []float32{1, 1, n.Float("height_scale", 1), n.Float("width_scale", 1)}
	}
	r.filter = filter{mode: n.String("mode", "nearest"), nearest: n.String("nearest_mode", "round_prefer_floor"),
		a: float64(n.Float("cubic_coeff_a", -0.75)), exclude: n.Flag("exclude_outside"), antialias: n.Flag("antialias")}
	if n.Op == "Upsample" || n.Version < 11 {
		r.scalesAt, r.coordinate, r.nearest = 1, "asymmetric", "simple"
	}
	r.cropped = r.coordinate == "tf_crop_and_resize"
	switch r.mode {
	case "nearest", "linear", "cubic":
	case "bilinear":
		r.mode = "linear"
	default:
		return nil, fmt.Errorf("mode %q", r.mode)
	}
	return r.run, nil
}

// axisResize is what happens to one axis.
type axisResize struct {
	in, out  int
	scale    float64
	from, to float64 // the part cropped out, for tf_crop_and_resize
}

func (r *resizing) run(c *Call) error {
	axes, err := r.plan(c)
	if err != nil {
		return err
	}
	x := *c.In[0]
	shape := slices.Clone(x.Shape)
	for i, a := range axes {
		shape[i] = a.out
	}
	if equalShape(shape, x.Shape) && !r.cropped {
		return c.Alias(0, 0, shape)
	}
	wide := x
	if r.mode != "nearest" || r.cropped {
		if wide, err = r.float(c, x); err != nil {
			return err
		}
	}
	// The axis that shrinks most goes first, so that the others have less to do.
	order := make([]int, 0, len(axes))
	for i, a := range axes {
		if a.in != a.out || a.scale != 1 || r.cropped {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return axes[i].out*axes[j].in - axes[j].out*axes[i].in
	})
	for k, axis := range order {
		next, err := r.target(c, &wide, x.Type, axis, axes[axis].out, k == len(order)-1)
		if err != nil {
			return err
		}
		if err := r.along(c, next, &wide, axis, axes[axis]); err != nil {
			return err
		}
		wide = *next
	}
	if len(order) == 0 || wide.Type != x.Type {
		return r.back(c, &wide, x.Type)
	}
	return nil
}

// float returns x in float32, or float64 as it is, for interpolating.
func (r *resizing) float(c *Call, x Tensor) (Tensor, error) {
	if _, ok := x.Data.([]float64); ok || x.Type == 1 {
		return x, nil
	}
	v := c.Floats(size(x.Shape))
	t := Tensor{Type: 1, Shape: x.Shape, Data: v}
	return t, castTo(&t, &x)
}

// target makes the tensor that one axis is resized into: output 0 for the last
// axis, if it has the right type, else scratch memory.
func (r *resizing) target(c *Call, from *Tensor, typ DataType, axis, n int, last bool) (*Tensor, error) {
	shape := slices.Clone(from.Shape)
	shape[axis] = n
	if last && from.Type == typ {
		return c.New(0, typ, shape...)
	}
	v, err := c.Pool.get(from.Type, shape)
	if err != nil {
		return nil, err
	}
	c.scratch = append(c.scratch, v)
	return &v.Tensor, nil
}

// back rounds an interpolated tensor to the type of the input.
func (r *resizing) back(c *Call, t *Tensor, typ DataType) error {
	out, err := c.New(0, typ, t.Shape...)
	if err != nil {
		return err
	}
	if v, ok := t.Data.([]float32); ok && typ.IsInteger() {
		for i, f := range v {
			v[i] = float32(math.RoundToEven(float64(f)))
		}
	}
	return castTo(out, t)
}

// plan finds the size and scale of every axis.
func (r *resizing) plan(c *Call) ([]axisResize, error) {
	shape := c.In[0].Shape
	axes := r.axes
	if axes == nil {
		for i := range shape {
			axes = append(axes, i)
		}
	}
	plan := make([]axisResize, len(shape))
	for i, d := range shape {
		plan[i] = axisResize{in: d, out: d, scale: 1, to: 1}
	}
	scales, sizes, err := r.wanted(c)
	if err != nil {
		return nil, err
	}
	var roi []float64
	if r.scalesAt == 2 && c.Has(1) && r.cropped {
		if roi, err = floats64(c.In[1]); err != nil {
			return nil, err
		}
	}
	if n := len(scales) + len(sizes); n != len(axes) || roi != nil && len(roi) != 2*n {
		return nil, fmt.Errorf("%d scales, %d sizes and a region of %d numbers for %d axes", len(scales), len(sizes), len(roi), len(axes))
	}
	for i, a := range axes {
		axis, err := axisOf(a, len(shape))
		if err != nil {
			return nil, err
		}
		p := &plan[axis]
		if roi != nil {
			p.from, p.to = roi[i], roi[len(axes)+i]
		}
		if scales != nil {
			p.scale = scales[i]
			p.out = int(float32(p.in) * float32(p.to-p.from) * float32(p.scale)) // in float32, as runtimes: 850·(637/850) is 637
		} else {
			p.out = sizes[i]
			p.scale = float64(p.out) / (float64(p.in) * (p.to - p.from))
		}
		if !(p.scale > 0) || p.out < 0 {
			return nil, fmt.Errorf("axis %d of %v scaled by %g to %d", axis, shape, p.scale, p.out)
		}
	}
	if sizes != nil {
		r.keepAspect(plan, axes)
	}
	return plan, nil
}

// wanted reads the scales or the sizes.
func (r *resizing) wanted(c *Call) (scales []float64, sizes []int, err error) {
	if r.scales != nil {
		return convert[float64](r.scales), nil, nil
	}
	if c.Has(r.scalesAt) && size(c.In[r.scalesAt].Shape) > 0 {
		scales, err = floats64(c.In[r.scalesAt])
		return scales, nil, err
	}
	if c.Has(3) {
		sizes, err = ints(c.In[3])
	}
	return nil, sizes, err
}

// keepAspect gives all resized axes one scale, if the policy asks for it.
func (r *resizing) keepAspect(plan []axisResize, axes []int) {
	if r.policy == "stretch" {
		return
	}
	var scales []float64
	for _, a := range axes {
		scales = append(scales, plan[(a+len(plan))%len(plan)].scale)
	}
	scale := slices.Min(scales)
	if r.policy == "not_smaller" {
		scale = slices.Max(scales)
	}
	for _, a := range axes {
		p := &plan[(a+len(plan))%len(plan)]
		p.scale = scale
		p.out = int(math.Floor(scale*float64(p.in) + 0.5))
	}
}

// place returns where, in the input, output index i lies, in float32 as ONNX
// Runtime computes it: where that is a whole number, or half of one, rounding
// decides which element is the nearest.
func (r *resizing) place(a axisResize, i int) float64 {
	x, in, out, scale := float32(i), float32(a.in), float32(a.out), float32(a.scale)
	half := float32((x+0.5)/scale) - 0.5
	switch r.coordinate {
	case "align_corners":
		if a.out == 1 {
			return 0
		}
		return float64(float32(x*(in-1)) / (out - 1))
	case "asymmetric":
		return float64(x / scale)
	case "tf_half_pixel_for_nn":
		return float64((x + 0.5) / scale)
	case "tf_crop_and_resize":
		from, to := float32(a.from), float32(a.to)
		if a.out == 1 {
			return float64(0.5 * float32((from+to)*(in-1)))
		}
		return float64(float32(from*(in-1)) + float32(float32(float32(x*(to-from))*(in-1))/(out-1)))
	case "pytorch_half_pixel":
		if a.out == 1 {
			return 0
		}
	case "half_pixel_symmetric":
		offset := float32(in / 2 * float32(1-out/float32(scale*in)))
		return float64(float32(offset+float32((x+0.5)/scale)) - 0.5)
	}
	return float64(half)
}
