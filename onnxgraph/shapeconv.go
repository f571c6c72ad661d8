package onnxgraph

// window is how a sliding operator walks one spatial axis.
type window struct {
	kernel, stride, dilation, before, after int64
	autoPad                                 string
	ceil                                    bool
}

// windows returns the window of each spatial axis, from a node's attributes and
// the kernel sizes.
func (c operation) windows(kernel []Dim) ([]window, bool) {
	strides, _ := c.attrInts("strides")
	dilations, _ := c.attrInts("dilations")
	pads, _ := c.attrInts("pads")
	ws := make([]window, len(kernel))
	for i, k := range kernel {
		n, ok := k.Known()
		w := window{
			kernel: n, stride: at(strides, i, 1), dilation: at(dilations, i, 1),
			before: at(pads, i, 0), after: at(pads, i+len(kernel), 0),
			autoPad: c.attrString("auto_pad", "NOTSET"), ceil: c.attrInt("ceil_mode", 0) == 1,
		}
		if w.autoPad == "VALID" {
			w.before, w.after = 0, 0
		}
		if !ok || w.stride < 1 || w.dilation < 1 || w.kernel < 1 {
			return nil, false
		}
		ws[i] = w
	}
	return ws, true
}

// at returns element i of a list that may be too short.
func at(list []int64, i int, otherwise int64) int64 {
	if i < len(list) {
		return list[i]
	}
	return otherwise
}

// slide returns how many windows fit on an axis:
//
//	⌊(in + before + after - dilation·(kernel-1) - 1)/stride⌋ + 1
//
// rounded up in ceil mode, where a last window that would start in the padding
// behind the input is left out, and ⌈in/stride⌉ when padded to the same size.
func (w window) slide(in Dim) Dim {
	if w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER" {
		return in.ceilDiv(w.stride)
	}
	extent := w.dilation*(w.kernel-1) + 1
	free := in.Add(Size(w.before + w.after - extent))
	if !w.ceil {
		return free.floorDiv(Size(w.stride)).Add(Size(1))
	}
	out := free.ceilDiv(w.stride).Add(Size(1))
	n, known := in.Known()
	o, _ := out.Known()
	switch {
	case known && (o-1)*w.stride >= n+w.before:
		return Size(o - 1)
	case !known && extent <= w.after+w.stride-1:
		return Symbol("")
	}
	return out
}

// grow returns the size of an axis that a transposed convolution writes:
//
//	stride·(in-1) + output_padding + dilation·(kernel-1) + 1 - before - after
func (w window) grow(in Dim, outputPadding int64) Dim {
	if w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER" {
		return in.Mul(Size(w.stride))
	}
	extent := w.dilation*(w.kernel-1) + 1
	return in.Sub(Size(1)).Mul(Size(w.stride)).Add(Size(outputPadding + extent - w.before - w.after))
}

// conv is the rule of convolutions: x is input 0, the kernel input w, N C first.
func conv(w int) shapeRule {
	return func(c operation) {
		rank := max(c.rank(0), c.rank(w))
		if rank < 2 {
			return
		}
		spatial := make([]Dim, rank-2)
		for i := range spatial {
			spatial[i] = c.dim(0, i+2)
		}
		spatial = c.slideAll(spatial, c.kernel(w, rank-2))
		c.set(0, append([]Dim{c.dim(0, 0), c.dim(w, 0)}, spatial...)...)
	}
}

// nhwcConv is conv with channels last, kernel [M, kH, kW, C/group].
func nhwcConv(c operation) {
	rank := max(c.rank(0), c.rank(1))
	if rank < 3 {
		return
	}
	kernel, spatial := make([]Dim, rank-2), make([]Dim, rank-2)
	for i := range spatial {
		kernel[i], spatial[i] = c.dim(1, i+1), c.dim(0, i+1)
	}
	out := append([]Dim{c.dim(0, 0)}, c.slideAll(spatial, kernel)...)
	c.set(0, append(out, c.dim(1, 0))...)
}

// kernel returns the spatial sizes of the kernel, input w or an attribute.
func (c operation) kernel(w, spatial int) []Dim {
	if ks, ok := c.attrInts("kernel_shape"); ok && len(ks) == spatial {
		return sizesOf(ks)
	}
	kernel := make([]Dim, spatial)
	for i := range kernel {
		kernel[i] = c.dim(w, i+2)
	}
	return kernel
}

// slideAll slides a window over every spatial axis.
func (c operation) slideAll(spatial, kernel []Dim) []Dim {
	ws, ok := c.windows(kernel)
	if !ok || len(ws) != len(spatial) {
		return unknowns(len(spatial))
	}
	out := make([]Dim, len(spatial))
	for i, w := range ws {
		out[i] = w.slide(spatial[i])
	}
	return out
}

// convTranspose is the rule of ConvTranspose: kernel [C, M/group, …].
func convTranspose(c operation) {
	rank := max(c.rank(0), c.rank(1))
	if rank < 2 {
		return
	}
	out := append([]Dim{c.dim(0, 0), c.dim(1, 1).Mul(Size(c.attrInt("group", 1)))}, unknowns(rank-2)...)
	ws, ok := c.windows(c.kernel(1, rank-2))
	paddings, _ := c.attrInts("output_padding")
	want, given := c.attrInts("output_shape")
	for i := range out[2:] {
		switch {
		case given && len(want) >= rank-2:
			out[2+i] = Size(want[len(want)-(rank-2)+i])
		case ok:
			out[2+i] = ws[i].grow(c.dim(0, i+2), at(paddings, i, 0))
		}
	}
	c.set(0, out...)
}
