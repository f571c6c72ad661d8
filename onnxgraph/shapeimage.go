package onnxgraph

import (
	"math"
	"slices"
)

// resize is the rule of Resize and Upsample: sizes, or ⌊size·scale⌋. Opset 10
// has the scales as input 1; from 11 on, input 1 is the region of interest.
func resize(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	scales, sizes := 2, 3
	if c.n.Op == "Upsample" || c.n.Version < 11 {
		scales, sizes = 1, -1
	}
	axes := allAxes(len(dims))
	if raw, given := c.attrInts("axes"); given {
		axes = axes[:0]
		for _, a := range raw {
			axis, ok := normAxis(a, len(dims))
			if !ok {
				return
			}
			axes = append(axes, axis)
		}
	}
	out := slices.Clone(dims)
	if target, ok := c.ints(sizes); ok && len(target) > 0 {
		c.resizeTo(out, axes, target)
	} else if factors, ok := c.scalesOf(scales); ok && len(factors) == len(axes) {
		for i, axis := range axes {
			out[axis] = scaled(dims[axis], factors[i])
		}
	} else {
		out = unknowns(len(dims))
	}
	c.set(0, out...)
}

// resizeTo gives the axes their target sizes, kept in proportion if asked for.
func (c operation) resizeTo(out []Dim, axes []int, target []Dim) {
	policy := c.attrString("keep_aspect_ratio_policy", "stretch")
	if policy != "stretch" {
		target = keepAspect(out, axes, target, policy == "not_larger")
	}
	for i, axis := range axes {
		out[axis] = dimAt(target, i)
	}
}

// keepAspect returns the sizes scaled by the one factor that fits the target.
func keepAspect(dims []Dim, axes []int, target []Dim, smallest bool) []Dim {
	factor := math.NaN()
	for i, axis := range axes {
		d, okD := dims[axis].Known()
		t, okT := dimAt(target, i).Known()
		if !okD || !okT || d == 0 {
			return nil
		}
		f := float64(t) / float64(d)
		if math.IsNaN(factor) || smallest == (f < factor) {
			factor = f
		}
	}
	out := make([]Dim, len(axes))
	for i, axis := range axes {
		d, _ := dims[axis].Known()
		out[i] = Size(int64(math.RoundToEven(factor * float64(d))))
	}
	return out
}

// scalesOf returns the scales of a Resize or Upsample node: input i, or one of
// the old attributes.
func (c operation) scalesOf(i int) ([]elem, bool) {
	if a, ok := c.n.Attrs["scales"]; ok && a.Kind == AttrFloats {
		scales := make([]elem, len(a.Floats))
		for i, f := range a.Floats {
			scales[i] = number(float64(f))
		}
		return scales, true
	}
	h, okH := c.n.Attrs["height_scale"]
	w, okW := c.n.Attrs["width_scale"]
	if okH && okW {
		return []elem{number(1), number(1), number(float64(h.Float)), number(float64(w.Float))}, true
	}
	return c.elems(c.in(i))
}

// scaled returns ⌊d·scale⌋, in float32 as runtimes compute it.
func scaled(d Dim, scale elem) Dim {
	n, known := d.Known()
	f, real := scale.known()
	if known && real {
		return Size(int64(math.Floor(float64(float32(n) * float32(f)))))
	}
	return mulElem(whole(d), scale).floor().dim
}

// depthToSpace moves b·b channels to every pixel.
func depthToSpace(c operation) {
	b := Size(c.attrInt("blocksize", 1))
	if c.rank(0) == 4 {
		c.set(0, c.dim(0, 0), c.dim(0, 1).floorDiv(b.Mul(b)), c.dim(0, 2).Mul(b), c.dim(0, 3).Mul(b))
	}
}

// spaceToDepth moves b·b pixels to channels.
func spaceToDepth(c operation) {
	b := Size(c.attrInt("blocksize", 1))
	if c.rank(0) == 4 {
		c.set(0, c.dim(0, 0), c.dim(0, 1).Mul(b).Mul(b), c.dim(0, 2).floorDiv(b), c.dim(0, 3).floorDiv(b))
	}
}

// gridSample samples input 0 at the places of a grid: N, spatial…, coordinates.
func gridSample(c operation) {
	grid, ok := c.shape(1)
	if ok && len(grid) > 2 {
		c.set(0, slices.Concat([]Dim{c.dim(0, 0), c.dim(0, 1)}, grid[1:len(grid)-1])...)
	}
}

// affineGrid makes a grid for a picture of the size N, C, spatial… in input 1.
func affineGrid(c operation) {
	size, ok := c.ints(1)
	if ok && len(size) > 2 {
		spatial := size[2:]
		c.set(0, slices.Concat(size[:1], spatial, []Dim{Size(int64(len(spatial)))})...)
	}
}

// col2Im puts the columns of N, C·block, L back into a picture.
func col2Im(c operation) {
	picture, okP := c.ints(1)
	block, okB := c.ints(2)
	channels := Symbol("")
	if okB {
		channels = c.dim(0, 1).floorDiv(total(block))
	}
	if okP {
		c.set(0, append([]Dim{c.dim(0, 0), channels}, picture...)...)
	}
}

// centerCropPad gives the axes the sizes of input 1.
func centerCropPad(c operation) {
	dims, ok := c.shape(0)
	if !ok {
		return
	}
	size, _ := c.ints(1)
	axes, given := c.attrInts("axes")
	if !given {
		axes, _ = knownDims(firstAxes(len(dims)))
	}
	out := slices.Clone(dims)
	for i, a := range axes {
		if axis, ok := normAxis(a, len(dims)); ok {
			out[axis] = dimAt(size, i)
		}
	}
	c.set(0, out...)
}

// crop is the rule of Crop, an operator of old converters: a border left, top,
// right, bottom is cut off, or a picture of the attribute's scale cut out.
func crop(c operation) {
	border, ok := c.attrInts("border")
	if c.rank(0) != 4 || !ok || len(border) != 4 {
		return
	}
	h := c.dim(0, 2).Sub(Size(border[1])).Sub(Size(border[3]))
	w := c.dim(0, 3).Sub(Size(border[0])).Sub(Size(border[2]))
	if scale, ok := c.attrInts("scale"); ok && len(scale) == 2 {
		h, w = Size(scale[0]), Size(scale[1])
	}
	c.set(0, c.dim(0, 0), c.dim(0, 1), h, w)
}

var imageShapes = map[string]shapeRule{
	"Resize": resize, "Upsample": resize, "DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth,
	"GridSample": gridSample, "AffineGrid": affineGrid, "Col2Im": col2Im,
	"CenterCropPad": centerCropPad, "Crop": crop,
	"NonMaxSuppression": func(c operation) { c.set(0, Symbol(""), Size(3)) },
	"ImageDecoder":      func(c operation) { c.set(0, Symbol(""), Symbol(""), Symbol("")) },
}
