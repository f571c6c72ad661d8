package kernel

import (
	"fmt"
	"slices"
)

// window is the geometry of a convolution or a pooling, over any number of
// spatial axes.
type window struct {
	kernel, stride, dilation []int
	before, after            []int  // pads at both ends of each axis; nil means none
	auto                     string // auto_pad
	ceil                     bool
}

// windowOf reads the attributes of a convolution or a pooling. kernel may be
// nil: a convolution knows it from its weight.
func windowOf(n *Node) (*window, error) {
	w := &window{
		kernel: n.Ints("kernel_shape"), stride: n.Ints("strides"), dilation: n.Ints("dilations"),
		auto: n.String("auto_pad", "NOTSET"), ceil: n.Flag("ceil_mode"),
	}
	pads := n.Ints("pads")
	if len(pads)%2 != 0 {
		return nil, fmt.Errorf("attribute pads has %d numbers", len(pads))
	}
	w.before, w.after = pads[:len(pads)/2], pads[len(pads)/2:]
	for _, list := range [][]int{w.kernel, w.stride, w.dilation} {
		for _, v := range list {
			if v <= 0 {
				return nil, fmt.Errorf("kernel %v, strides %v, dilations %v must be positive", w.kernel, w.stride, w.dilation)
			}
		}
	}
	return w, nil
}

// placement is a window over an input of known size.
type placement struct {
	in, out, kernel, stride, dilation []int
	before, after                     []int
}

// place finds the size of the output.
func (w *window) place(in, kernel []int) (*placement, error) {
	rank := len(in)
	p := &placement{in: in, kernel: kernel, stride: filled(w.stride, rank, 1), dilation: filled(w.dilation, rank, 1),
		before: slices.Clone(filled(w.before, rank, 0)), after: slices.Clone(filled(w.after, rank, 0))}
	for _, list := range [][]int{p.kernel, p.stride, p.dilation, p.before, p.after} {
		if len(list) != rank {
			return nil, fmt.Errorf("kernel %v, strides %v, dilations %v, pads %v+%v for %d spatial axes",
				kernel, w.stride, w.dilation, w.before, w.after, rank)
		}
	}
	p.out = make([]int, rank)
	for i, d := range in {
		reach := (kernel[i]-1)*p.dilation[i] + 1
		switch w.auto {
		case "SAME_UPPER", "SAME_LOWER":
			p.out[i] = (d + p.stride[i] - 1) / p.stride[i]
			pad := max(0, (p.out[i]-1)*p.stride[i]+reach-d)
			p.before[i] = pad / 2
			if w.auto == "SAME_LOWER" {
				p.before[i] = (pad + 1) / 2
			}
			p.after[i] = pad - p.before[i]
			continue
		case "VALID":
			p.before[i], p.after[i] = 0, 0
		}
		room := d + p.before[i] + p.after[i] - reach
		if room < 0 {
			return nil, fmt.Errorf("kernel %v does not fit input %v", kernel, in)
		}
		p.out[i] = room/p.stride[i] + 1
		if w.ceil && room%p.stride[i] != 0 && p.out[i]*p.stride[i] < d+p.before[i] {
			p.out[i]++ // the last window begins inside the input
		}
	}
	return p, nil
}

// room tells whether windows over some images of some channels may be laid out:
// the padded images, and an offset for every element and place of the window.
func (p *placement) room(c *Call, channels, images int) error {
	padded := []int{images, channels}
	for i, d := range p.in {
		padded = append(padded, d+p.before[i]+p.after[i])
	}
	for _, shape := range [][]int{padded, append([]int{channels}, p.kernel...), append([]int{images}, p.out...)} {
		if err := c.room(shape...); err != nil {
			return fmt.Errorf("kernel %v at %v places: %w", p.kernel, p.out, err)
		}
	}
	return nil
}

// filled returns list, or n times def if it is empty.
func filled(list []int, n, def int) []int {
	if len(list) == 0 {
		return slices.Repeat([]int{def}, n)
	}
	return list
}

// grid lists, for every index of a grid of the given size, the offset it has
// with a step for each axis.
func grid(sizes, steps []int) []int {
	out := make([]int, 1, max(1, size(sizes)))
	for axis, n := range sizes {
		next := make([]int, 0, len(out)*n)
		for _, o := range out {
			for i := range n {
				next = append(next, o+i*steps[axis])
			}
		}
		out = next
	}
	return out
}
