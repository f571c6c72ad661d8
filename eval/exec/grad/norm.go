package grad

import (
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// normalizing is the table of the operators that centre and scale.
var normalizing = rules{
	"BatchNormalization": batchNormRule, "InstanceNormalization": groupNormRule, "GroupNormalization": groupNormRule,
	"LayerNormalization": layerNormRule, "RMSNormalization": layerNormRule, "SimplifiedLayerNormalization": layerNormRule,
}

// spread is a set of elements that are normalized by their own mean and
// deviation: runs of one length, each with its element of scale and bias.
//
//	y = s·h + b,  h = (x - mean)/√(variance + ε)
type spread struct {
	runs, stride, from, n int               // where the runs lie: n elements each, from from on
	eps                   float64           //
	centred               bool              // else the mean counts as 0
	param                 func(run int) int // the element of scale and bias of a run; -1: one for each element of it
}

// normed is a normalization's operands and their gradients.
type normed struct {
	x, up, scale              []float32
	down, downScale, downBias []float32 // nil where nobody asks
}

// back adds the gradients of one set:
//
//	dx += (d - mean(d) - h·mean(d·h))/√(variance + ε),  d = s·dy
//	ds += Σ h·dy,  db += Σ dy
func (v *normed) back(s *spread) {
	count := float64(s.runs * s.n)
	mean, inv := s.moments(v.x)
	sum, product := 0.0, 0.0 // of d, and of d·h
	for r := range s.runs {
		at := s.from + r*s.stride
		x, up := v.x[at:][:s.n], v.up[at:][:s.n]
		if p := s.param(r); p >= 0 {
			total := f32.Sum(up)
			dot := (f32.Dot(up, x) - mean*total) * inv
			sum, product = sum+total*v.s(p), product+dot*v.s(p)
			v.params(p, dot, total)
			continue
		}
		for i, u := range up {
			h, d := (float64(x[i])-mean)*inv, float64(u)
			sum, product = sum+d*v.s(i), product+d*v.s(i)*h
			v.params(i, d*h, d)
		}
	}
	if v.down == nil {
		return
	}
	sum, product = sum/count, product/count
	if !s.centred {
		sum = 0
	}
	for r := range s.runs {
		at, p := s.from+r*s.stride, s.param(r)
		x, up, down := v.x[at:][:s.n], v.up[at:][:s.n], v.down[at:][:s.n]
		for i, u := range up {
			k := p
			if p < 0 {
				k = i
			}
			h := (float64(x[i]) - mean) * inv
			down[i] += float32((float64(u)*v.s(k) - sum - h*product) * inv)
		}
	}
}

// s is an element of the scale, 1 without one.
func (v *normed) s(i int) float64 {
	if v.scale == nil {
		return 1
	}
	return float64(v.scale[i])
}

func (v *normed) params(i int, scale, bias float64) {
	if v.downScale != nil {
		v.downScale[i] += float32(scale)
	}
	if v.downBias != nil {
		v.downBias[i] += float32(bias)
	}
}

// moments returns the mean of the set and 1/√(variance + ε).
func (s *spread) moments(x []float32) (mean, inv float64) {
	count := float64(s.runs * s.n)
	if s.centred {
		for r := range s.runs {
			mean += f32.Sum(x[s.from+r*s.stride:][:s.n])
		}
		mean /= count
	}
	variance := 0.0
	for r := range s.runs {
		for _, v := range x[s.from+r*s.stride:][:s.n] {
			d := float64(v) - mean
			variance += d * d
		}
	}
	return mean, 1 / math.Sqrt(variance/count+s.eps)
}

// normed gathers the operands of a normalization whose scale and bias are inputs
// 1 and 2.
func (c *Call) normed() *normed {
	v := &normed{x: c.x(0), up: c.Up[0]}
	if c.has(1) {
		v.scale = c.x(1)
	}
	for i, d := range []*[]float32{&v.down, &v.downScale, &v.downBias} {
		if c.wants(i) {
			*d = c.Down[i]
		}
	}
	return v
}

// layerNormRule is that of normalizations of rows.
func layerNormRule(c *Call) error {
	if err := c.only(); err != nil {
		return err
	}
	shape := c.In[0].Shape
	n := size(shape[axisOf(int(c.Node.Int("axis", -1)), len(shape)):])
	v := c.normed()
	if len(v.scale) == 1 && n > 1 {
		v.scale = stretched(v.scale, []int{1}, []int{n})
		for _, d := range []*[]float32{&v.downScale, &v.downBias} {
			if *d != nil {
				all, one := make([]float32, n), *d
				defer func() { one[0] += float32(f32.Sum(all)) }()
				*d = all
			}
		}
	}
	each := func(int) int { return -1 }
	for r := range size(shape) / max(1, n) {
		v.back(&spread{runs: 1, from: r * n, n: n, eps: c.eps(), centred: c.Node.Op == "LayerNormalization", param: each})
	}
	return nil
}

func (c *Call) eps() float64 { return float64(c.Node.Float("epsilon", 1e-5)) }

// groupNormRule is that of normalizations of some channels of one example.
func groupNormRule(c *Call) error {
	shape := c.In[0].Shape
	channels, plane := shape[1], size(shape[2:])
	groups, v := channels, c.normed()
	if c.Node.Op == "GroupNormalization" {
		groups = int(c.Node.Int("num_groups", 0))
	}
	per := channels / groups
	for g := range shape[0] * groups {
		first := g % groups * per
		param := func(run int) int { return (first + run) * len(v.scale) / channels }
		v.back(&spread{runs: per, stride: plane, from: g * per * plane, n: plane, eps: c.eps(), centred: true, param: param})
	}
	return nil
}

// batchNormRule is that of normalizations by channel, with the statistics of the
// batch or given ones.
func batchNormRule(c *Call) error {
	if err := c.only(); err != nil {
		return err
	}
	shape := c.In[0].Shape
	channels, plane := 1, 1
	if len(shape) > 1 {
		channels, plane = shape[1], size(shape[2:])
	}
	runs := size(shape) / max(1, channels*plane)
	if c.Node.Flag("training_mode") {
		v := c.normed()
		c.parallel(channels, 4*runs*plane, func(lo, hi int) {
			for ch := lo; ch < hi; ch++ {
				v.back(&spread{runs: runs, stride: channels * plane, from: ch * plane, n: plane, eps: c.eps(), centred: true, param: func(int) int { return ch }})
			}
		})
		return nil
	}
	x, up, scale, mean, variance := c.x(0), c.Up[0], c.x(1), c.x(3), c.x(4)
	for ch := range channels {
		inv := 1 / math.Sqrt(float64(variance[ch])+c.eps())
		total, dot := 0.0, 0.0
		for r := range runs {
			at := (r*channels + ch) * plane
			u := up[at:][:plane]
			total += f32.Sum(u)
			dot += f32.Dot(u, x[at:][:plane])
			if c.wants(0) {
				f32.Axpy(c.Down[0][at:][:plane], scale[ch]*float32(inv), u)
			}
		}
		dot = (dot - float64(mean[ch])*total) * inv // Σ h·dy
		s := float64(scale[ch]) * inv
		for i, d := range []float64{dot, total, -s * total, -0.5 * s * inv * dot} {
			if c.wants(i + 1) {
				c.Down[i+1][ch] += float32(d)
			}
		}
	}
	return nil
}
