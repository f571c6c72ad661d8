package repair

import (
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// window says which places of the input a place of a convolution's output
// reads: along each spatial axis, tap k at output place p reads input place
//
//	p·stride + k·dilation - pad            Conv
//	(p + pad - k·dilation) / stride        ConvTranspose, where that is whole
type window struct {
	kernel, stride, dilation []int
	pads                     []int // at the beginnings, then the ends; nil: by auto
	auto                     string
	transposed               bool
}

// conv makes the layer of a Conv or ConvTranspose.
func (f *finder) conv(n *onnxgraph.Node) *layer {
	w, flipped := f.own(n.Inputs[1])
	if w == nil || flipped || len(w.Shape) < 3 || w.Elements() == 0 {
		return nil
	}
	rank := len(w.Shape) - 2
	win := &window{auto: n.Attrs["auto_pad"].String, transposed: n.Op == "ConvTranspose"}
	taps := 1
	for _, k := range w.Shape[2:] {
		win.kernel = append(win.kernel, int(k))
		taps *= int(k)
	}
	win.stride, win.dilation = ints(n.Attrs["strides"].Ints, rank, 1), ints(n.Attrs["dilations"].Ints, rank, 1)
	if (win.auto == "" || win.auto == "NOTSET") && n.Attrs["output_shape"].Ints == nil {
		win.pads = ints(n.Attrs["pads"].Ints, 2*rank, 0)
	}
	l := &layer{weight: w, x: n.Inputs[0], out: n.Outputs[0], scale: 1, groups: 1, xAxis: rank + 1, outAxis: rank + 1, window: win}
	if g, ok := n.Attrs["group"]; ok {
		l.groups = max(1, int(g.Int))
	}
	first, second := int(w.Shape[0])/l.groups, int(w.Shape[1])
	l.group = first * second * taps
	if win.transposed {
		l.cols, l.outs, l.to = first*taps, second, steps(second, taps)
		for c := range first {
			for k := range taps {
				l.col = append(l.col, c*second*taps+k)
			}
		}
	} else {
		l.cols, l.outs = second*taps, first
		l.col, l.to = steps(l.cols, 1), steps(first, l.cols)
	}
	if len(n.Inputs) > 2 && n.Inputs[2] != nil {
		l.bias = f.vector(n.Inputs[2], l.groups*l.outs, 1)
	}
	return l
}

// ints is an attribute of n numbers, all the same when it is left out.
func ints(given []int64, n, otherwise int) []int {
	if len(given) != n {
		return slices.Repeat([]int{otherwise}, n)
	}
	out := make([]int, n)
	for i, v := range given {
		out[i] = int(v)
	}
	return out
}

// begin is the padding at the beginning of spatial axis k.
func (w *window) begin(k, in, out int) int {
	if w.pads != nil {
		return w.pads[k]
	}
	extent := (w.kernel[k]-1)*w.dilation[k] + 1
	total := (out-1)*w.stride[k] + extent - in
	if w.transposed {
		total = (in-1)*w.stride[k] + extent - out
	}
	if total < 0 || w.auto == "VALID" {
		return 0
	}
	if w.auto == "SAME_LOWER" || w.transposed && w.auto != "SAME_UPPER" {
		return (total + 1) / 2
	}
	return total / 2
}

// read puts what row reads, for every channel of x and every tap, into dst.
func (w *window) read(dst []float32, x, out *tensor, row int) {
	rank := len(w.kernel)
	taps := len(dst) / x.dim(rank+1)
	clear(dst)
	place := make([]int, rank)
	rest := row
	for k := rank - 1; k >= 0; k-- {
		n := out.dim(rank - k)
		place[k] = rest % n
		rest /= n
	}
	area := 1
	for k := range rank {
		area *= x.dim(rank - k)
	}
	base := rest * x.dim(rank+1) * area
	for t := range taps {
		at, ok := w.tap(place, t, x, out)
		if !ok {
			continue
		}
		for c := range x.dim(rank + 1) {
			dst[c*taps+t] = x.data[base+c*area+at]
		}
	}
}

// tap returns the place in a channel of x that tap t reads, if there is one.
func (w *window) tap(place []int, t int, x, out *tensor) (int, bool) {
	rank := len(w.kernel)
	at, unit := 0, 1
	for k := rank - 1; k >= 0; k-- {
		in := x.dim(rank - k)
		pad := w.begin(k, in, out.dim(rank-k))
		p := place[k]*w.stride[k] + t%w.kernel[k]*w.dilation[k] - pad
		if w.transposed {
			p = place[k] + pad - t%w.kernel[k]*w.dilation[k]
			if p%w.stride[k] != 0 {
				return 0, false
			}
			p /= w.stride[k]
		}
		if p < 0 || p >= in {
			return 0, false
		}
		t /= w.kernel[k]
		at += p * unit
		unit *= in
	}
	return at, true
}
