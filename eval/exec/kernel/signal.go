package kernel

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// sounding is the table of the operators on signals.
var sounding = ops{
	"DFT":             compute(prepareDFT),
	"STFT":            compute(prepareSTFT),
	"HannWindow":      compute(prepareWindow),
	"HammingWindow":   compute(prepareWindow),
	"BlackmanWindow":  compute(prepareWindow),
	"MelWeightMatrix": compute(prepareMel),
}

// line reads n complex numbers that begin at x[at] and are step numbers apart,
// each of one part or two; what lies beyond the first have is 0.
func line(x []float64, at, step, parts, have, n int) []complex128 {
	out := make([]complex128, n)
	for i := range min(n, have) {
		im := 0.0
		if parts == 2 {
			im = x[at+i*step+1]
		}
		out[i] = complex(x[at+i*step], im)
	}
	return out
}

// prepareDFT prepares DFT along one axis; the last axis holds the parts of
// complex numbers. The axis is an attribute before opset 20, an input since.
func prepareDFT(n *Node) (Kernel, error) {
	inverse, onesided, axisAt := n.Flag("inverse"), n.Flag("onesided"), -2
	if n.Version < 20 {
		axisAt = int(n.Int("axis", 1))
	}
	return func(c *Call) error {
		x, axisAt := c.In[0], axisAt
		v, err := floats64(x)
		if err != nil {
			return err
		}
		if c.Has(2) {
			if axisAt, err = oneInt(c.In[2]); err != nil {
				return err
			}
		}
		axis, err := axisOf(axisAt, len(x.Shape))
		last := len(x.Shape) - 1
		if err != nil || axis == last || x.Shape[last] > 2 {
			return fmt.Errorf("axis %d of %v, whose last axis must hold one or two parts", axisAt, x.Shape)
		}
		have := x.Shape[axis]
		length := have
		if inverse && onesided {
			length = 2 * (have - 1)
		}
		if c.Has(1) {
			if length, err = oneInt(c.In[1]); err != nil {
				return err
			}
		}
		if length <= 0 {
			return fmt.Errorf("a transform of length %d", length)
		}
		if err := c.room(length, fourierNumbers); err != nil {
			return err
		}
		d := transformOf(length, inverse, onesided)
		shape := slices.Clone(x.Shape)
		shape[axis], shape[last] = d.out, d.parts
		outer, inner := size(shape[:axis]), size(shape[axis+1:last])
		if err := c.room(shape...); err != nil {
			return err
		}
		y, parts := make([]float64, size(shape)), x.Shape[last]
		for o := range outer {
			for i := range inner {
				d.run(y[(o*d.out*inner+i)*d.parts:], inner*d.parts, line(v, (o*have*inner+i)*parts, inner*parts, parts, have, length))
			}
		}
		return c.give(0, x.Type, y, shape...)
	}, nil
}

// fourierNumbers are those that a transform holds for each number it transforms:
// the number itself, its result, its root of unity and room to work in.
const fourierNumbers = 8

// transform is a discrete Fourier transform of one length.
type transform struct {
	fft        *fourier.CmplxFFT
	n, out     int
	inverse    bool
	fold       bool // the input is one half of a spectrum that is symmetric
	parts      int  // of a number of the result
	afterwards float64
}

func transformOf(n int, inverse, onesided bool) *transform {
	t := &transform{fft: fourier.NewCmplxFFT(n), n: n, out: n, inverse: inverse, parts: 2, afterwards: 1}
	if inverse {
		t.afterwards = 1 / float64(n)
	}
	switch {
	case onesided && inverse:
		t.fold, t.parts = true, 1
	case onesided:
		t.out = n/2 + 1
	}
	return t
}

// run transforms a line and writes it to numbers step apart.
func (t *transform) run(d []float64, step int, x []complex128) {
	if t.fold {
		for i := t.n/2 + 1; i < t.n; i++ {
			x[i] = complex(real(x[t.n-i]), -imag(x[t.n-i]))
		}
	}
	if t.inverse {
		x = t.fft.Sequence(nil, x)
	} else {
		x = t.fft.Coefficients(nil, x)
	}
	for i, v := range x[:t.out] {
		d[i*step] = real(v) * t.afterwards
		if t.parts == 2 {
			d[i*step+1] = imag(v) * t.afterwards
		}
	}
}

// prepareSTFT prepares STFT: the transforms of overlapping frames of a signal.
func prepareSTFT(n *Node) (Kernel, error) {
	onesided := n.Int("onesided", 1) != 0
	return func(c *Call) error {
		x := c.In[0]
		v, err := floats64(x)
		if err != nil {
			return err
		}
		if len(x.Shape) != 3 && len(x.Shape) != 2 {
			return fmt.Errorf("signal of shape %v", x.Shape)
		}
		parts := size(x.Shape[2:])
		step, err := oneInt(c.In[1])
		if err != nil {
			return err
		}
		length, window := 0, []float64(nil)
		if c.Has(2) {
			if window, err = floats64(c.In[2]); err != nil {
				return err
			}
			length = len(window)
		}
		if c.Has(3) {
			if length, err = oneInt(c.In[3]); err != nil {
				return err
			}
		}
		batch, total := x.Shape[0], x.Shape[1]
		if step <= 0 || length <= 0 || length > total || window != nil && len(window) != length || parts > 2 {
			return fmt.Errorf("frames of %d every %d elements, under a window of %d, of a signal %v", length, step, len(window), x.Shape)
		}
		d := transformOf(length, false, onesided && parts == 1)
		frames := (total-length)/step + 1
		if err := c.room(batch, frames, d.out, 2); err != nil {
			return err
		}
		y := make([]float64, batch*frames*d.out*2)
		for f := range batch * frames {
			part := line(v, (f/frames*total+f%frames*step)*parts, parts, parts, length, length)
			for i, w := range window {
				part[i] *= complex(w, 0)
			}
			d.run(y[f*d.out*2:], 2, part)
		}
		return c.give(0, x.Type, y, batch, frames, d.out, 2)
	}, nil
}

// cosines are the terms of the windows: the sum of terms[k]·cos(2πki/n).
var cosines = map[string][]float64{
	"HannWindow":     {0.5, -0.5},
	"HammingWindow":  {25.0 / 46, -21.0 / 46},
	"BlackmanWindow": {0.42, -0.5, 0.08},
}

func prepareWindow(n *Node) (Kernel, error) {
	terms, periodic, typ := cosines[n.Op], n.Int("periodic", 1) != 0, DataType(n.Int("output_datatype", 1))
	return func(c *Call) error {
		length, err := oneInt(c.In[0])
		if err != nil {
			return err
		}
		period := float64(length)
		if !periodic {
			period--
		}
		if err := c.room(length); err != nil {
			return err
		}
		y := make([]float64, length)
		for i := range y {
			for k, a := range terms {
				y[i] += a * math.Cos(2*math.Pi*float64(k*i)/period)
			}
		}
		return c.give(0, typ, y, length)
	}, nil
}

// prepareMel prepares MelWeightMatrix: triangles that are evenly spaced on the
// mel scale, as columns over the bins of a spectrum.
func prepareMel(n *Node) (Kernel, error) {
	typ := DataType(n.Int("output_datatype", int64(onnxgraph.Float32)))
	return func(c *Call) error {
		var p [5]float64
		for i := range p {
			var err error
			if p[i], err = oneFloat(c.In[i]); err != nil {
				return err
			}
		}
		bands, length, rate := int(p[0]), int(p[1]), p[2]
		bins := length/2 + 1
		if bands <= 0 || length <= 0 || rate <= 0 {
			return fmt.Errorf("%d bands of %d bins at a rate of %g", bands, bins, rate)
		}
		if err := c.room(bands, bins); err != nil {
			return err
		}
		mel := func(hertz float64) float64 { return 2595 * math.Log10(1+hertz/700) }
		low := mel(p[3])
		step := (mel(p[4]) - low) / float64(bands+2)
		edge := make([]int, bands+2)
		for i := range edge {
			hertz := 700 * (math.Pow(10, (low+float64(i)*step)/2595) - 1)
			edge[i] = min(bins-1, max(0, int(math.Floor(float64(length+1)*hertz/rate))))
		}
		y := make([]float64, bins*bands)
		for b := range bands {
			left, middle, right := edge[b], edge[b+1], edge[b+2]
			for j := left; j < middle; j++ {
				y[j*bands+b] = float64(j-left) / float64(middle-left)
			}
			y[middle*bands+b] = 1
			for j := middle + 1; j < right; j++ {
				y[j*bands+b] = float64(right-j) / float64(right-middle)
			}
		}
		return c.give(0, typ, y, bins, bands)
	}, nil
}
