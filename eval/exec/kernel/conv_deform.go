package kernel

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// prepareDeformConv prepares DeformConv of images: every tap of every window
// reads at an offset of its own, between the elements, and may be weighed by a
// mask. The taps are read out first; a product does the rest.
func prepareDeformConv(n *Node) (Kernel, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	groups, sets := int(n.Int("group", 1)), int(n.Int("offset_group", 1))
	return func(c *Call) error {
		x, err := floats32(c.In[0], "image", 4)
		if err != nil {
			return err
		}
		weight, err := floats32(c.In[1], "weight", 4)
		if err != nil {
			return err
		}
		offset, err := floats32(c.In[2], "offset", 4)
		if err != nil {
			return err
		}
		in, ws := c.In[0].Shape, c.In[1].Shape
		p, err := w.place(in[2:], ws[2:])
		if err != nil {
			return err
		}
		if groups <= 0 || sets <= 0 || ws[1]*groups != in[1] || ws[0]%groups != 0 || in[1]%sets != 0 {
			return fmt.Errorf("weight %v in %d groups, with %d sets of offsets, for input %v", ws, groups, sets, in)
		}
		taps, places := size(ws[2:]), size(p.out)
		mask, err := operand[float32](c.Input(4), in[0]*sets*taps*places)
		if err != nil || len(offset) != in[0]*sets*taps*2*places {
			return fmt.Errorf("offset of shape %v for %d taps at %d places", c.In[2].Shape, taps, places)
		}
		bias, err := operand[float32](c.Input(3), ws[0])
		if err != nil {
			return err
		}
		out, err := c.New(0, c.In[0].Type, in[0], ws[0], p.out[0], p.out[1])
		if err != nil {
			return err
		}
		y, plane, inPer, outPer := out.Data.([]float32), in[2]*in[3], ws[1], ws[0]/groups
		cols := c.Floats(in[1] * taps * places)
		for e := range in[0] {
			for i := range in[1] * taps * places {
				ch, tap, place := i/(taps*places), i/places%taps, i%places
				set := (e*sets+ch/(in[1]/sets))*taps + tap
				at := offset[2*set*places:]
				fy := float64(place/p.out[1]*p.stride[0]+tap/ws[3]*p.dilation[0]-p.before[0]) + float64(at[place])
				fx := float64(place%p.out[1]*p.stride[1]+tap%ws[3]*p.dilation[1]-p.before[1]) + float64(at[places+place])
				cols[i] = between(x[(e*in[1]+ch)*plane:][:plane], fy, fx, in[2], in[3])
				if mask != nil {
					cols[i] *= mask[set*places+place]
				}
			}
			for g := range groups {
				then, k := f32.Epilogue{}, inPer*taps
				if bias != nil {
					then.RowBias = bias[g*outPer:][:outPer]
				}
				f32.Product(c.Threads, 1, f32.Dense(weight[g*outPer*k:], outPer, k, k), f32.Dense(cols[g*k*places:], k, places, places),
					0, y[(e*ws[0]+g*outPer)*places:], places, then)
			}
		}
		return nil
	}, nil
}

// between reads an image between its elements; beyond them are zeros.
func between(image []float32, y, x float64, h, w int) float32 {
	i, j := int(math.Floor(y)), int(math.Floor(x))
	fy, fx, sum := y-math.Floor(y), x-math.Floor(x), 0.0
	for k, weight := range [4]float64{(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx} {
		if r, q := i+k/2, j+k%2; r >= 0 && r < h && q >= 0 && q < w {
			sum += weight * float64(image[r*w+q])
		}
	}
	return float32(sum)
}
