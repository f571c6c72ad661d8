package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// normalizing is the table of the operators that centre and scale.
var normalizing = ops{
	"BatchNormalization":           compute(prepareBatchNorm),
	"InstanceNormalization":        compute(prepareInstanceNorm),
	"GroupNormalization":           compute(prepareGroupNorm),
	"LayerNormalization":           compute(prepareLayerNorm),
	"RMSNormalization":             compute(prepareLayerNorm),
	"SimplifiedLayerNormalization": compute(prepareLayerNorm),
	"MeanVarianceNormalization":    compute(prepareMeanVariance),
	"LpNormalization":              compute(prepareLpNorm),
	"LRN":                          compute(prepareLRN),
	"ImageScaler":                  compute(prepareImageScaler),
}

// moments returns the mean and the variance of x, summed in float64.
func moments[T float](x []T) (mean, variance float64) {
	if v, ok := any(x).([]float32); ok && len(v) > 0 {
		return moments32(v)
	}
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}

// moments32 sums by vectors: the variance about a rounded mean first, then about the mean.
func moments32(x []float32) (mean, variance float64) {
	n := float64(len(x))
	mean = f32.Sum(x) / n
	centre := float32(mean)
	var part [256]float32
	square, rest := 0.0, 0.0
	for len(x) > 0 {
		d := part[:min(len(x), len(part))]
		f32.Affine(d, x[:len(d)], 1, -centre)
		square += f32.Dot(d, d)
		rest += f32.Sum(d)
		x = x[len(d):]
	}
	rest /= n
	return mean, max(0, square/n-rest*rest)
}

// meanSquare returns the mean of x².
func meanSquare[T float](x []T) float64 {
	if v, ok := any(x).([]float32); ok {
		return f32.Dot(v, v) / float64(len(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(x))
}

// prepareInstanceNorm prepares InstanceNormalization: every channel of every
// example is normalized by itself.
func prepareInstanceNorm(n *Node) (Kernel, error) {
	eps := float64(n.Float("epsilon", 1e-5))
	return func(c *Call) error {
		if len(c.In[0].Shape) < 2 {
			return fmt.Errorf("shape %v, want examples and channels", c.In[0].Shape)
		}
		return groupNorm(c, c.In[0].Shape[1], eps)
	}, nil
}

// prepareGroupNorm prepares GroupNormalization. Before opset 21 scale and bias
// have an element for each group, since then one for each channel.
func prepareGroupNorm(n *Node) (Kernel, error) {
	eps, groups := float64(n.Float("epsilon", 1e-5)), int(n.Int("num_groups", 0))
	return func(c *Call) error { return groupNorm(c, groups, eps) }, nil
}

func groupNorm(c *Call, groups int, eps float64) error {
	x := c.In[0]
	if len(x.Shape) < 2 || groups <= 0 || x.Shape[1]%groups != 0 {
		return fmt.Errorf("shape %v in %d groups", x.Shape, groups)
	}
	for _, t := range c.In[1:3] {
		if n := size(t.Shape); n != groups && n != x.Shape[1] {
			return fmt.Errorf("scale or bias of %d elements for %d groups and %d channels", n, groups, x.Shape[1])
		}
	}
	out, err := c.Over(0, x.Type, x.Shape, 0)
	if err != nil {
		return err
	}
	switch v := x.Data.(type) {
	case []float32:
		return groupNormOf(c, out.Data.([]float32), v, groups, eps)
	case []float64:
		return groupNormOf(c, out.Data.([]float64), v, groups, eps)
	}
	return badType(x)
}

func groupNormOf[T float](c *Call, d, x []T, groups int, eps float64) error {
	scale, ok1 := c.In[1].Data.([]T)
	bias, ok2 := c.In[2].Data.([]T)
	if !ok1 || !ok2 {
		return badType(c.In[1])
	}
	channels, plane := c.In[0].Shape[1], size(c.In[0].Shape[2:])
	per := channels / groups
	c.Parallel(c.In[0].Shape[0]*groups, 4*per*plane, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			part := x[g*per*plane:][:per*plane]
			mean, variance := moments(part)
			inv := 1 / math.Sqrt(variance+eps)
			for k := range per {
				s, b := scale[g%groups*len(scale)/groups+k*len(scale)/channels], bias[g%groups*len(bias)/groups+k*len(bias)/channels]
				a := T(inv * float64(s))
				shift := T(float64(b) - mean*inv*float64(s))
				to := d[(g*per+k)*plane:][:plane]
				affineRow(to, part[k*plane:][:plane], a, shift)
			}
		}
	})
	return nil
}

// prepareLayerNorm prepares LayerNormalization and, without the centring,
// RMSNormalization.
func prepareLayerNorm(n *Node) (Kernel, error) {
	eps, at := float64(n.Float("epsilon", 1e-5)), int(n.Int("axis", -1))
	centre := n.Op == "LayerNormalization"
	wantMean, wantInv := n.Wants(1) && centre, n.Wants(2)
	if !centre {
		wantInv = n.Wants(1)
	}
	return func(c *Call) error {
		x := c.In[0]
		axis, err := axisOf(at, len(x.Shape))
		if err != nil {
			return err
		}
		l := &lines{c: c, rows: size(x.Shape[:axis]), n: size(x.Shape[axis:]), eps: eps, centre: centre}
		out, err := c.Over(0, x.Type, x.Shape, 0)
		if err != nil {
			return err
		}
		stat := slices.Clone(x.Shape)
		for i := axis; i < len(stat); i++ {
			stat[i] = 1
		}
		for i, want := range []bool{wantMean, wantInv} {
			at := i + 1
			if !centre {
				at = 1
			}
			if !want {
				continue
			}
			t, err := c.New(at, onnxgraph.Float32, stat...)
			if err != nil {
				return err
			}
			*[]*[]float32{&l.means, &l.invs}[i] = t.Data.([]float32)
		}
		switch v := x.Data.(type) {
		case []float32:
			return layerNorm(l, out.Data.([]float32), v, c.In[1], c.Input(2))
		case []float64:
			return layerNorm(l, out.Data.([]float64), v, c.In[1], c.Input(2))
		}
		return badType(x)
	}, nil
}

// lines is a normalization of the rows of a matrix.
type lines struct {
	c           *Call
	rows, n     int
	eps         float64
	centre      bool
	means, invs []float32 // one a row, if wanted
}

func layerNorm[T float](l *lines, d, x []T, scale, bias *Tensor) error {
	s, err := operand[T](scale, l.n)
	if err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	b, err := operand[T](bias, l.n)
	if err != nil {
		return fmt.Errorf("bias: %w", err)
	}
	l.c.Parallel(l.rows, 4*l.n, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			l.row(r, lineNorm(d[r*l.n:][:l.n], x[r*l.n:][:l.n], s, b, l.eps, l.centre))
		}
	})
	return nil
}

func (l *lines) row(r int, m moment) {
	if l.means != nil {
		l.means[r] = float32(m.mean)
	}
	if l.invs != nil {
		l.invs[r] = float32(m.inv)
	}
}

type moment struct{ mean, inv float64 }

// lineNorm normalizes one row: d = (x - mean) · inv · scale + bias.
func lineNorm[T float](d, x, scale, bias []T, eps float64, centre bool) moment {
	var m moment
	if centre {
		var variance float64
		m.mean, variance = moments(x)
		m.inv = 1 / math.Sqrt(variance+eps)
	} else {
		m.inv = 1 / math.Sqrt(meanSquare(x)+eps)
	}
	mean, inv := T(m.mean), T(m.inv)
	if v, ok := any(x).([]float32); ok {
		affine32(any(d).([]float32), v, float32(mean), float32(inv), any(scale).([]float32), any(bias).([]float32))
		return m
	}
	for i, v := range x {
		y := (v - mean) * inv
		if scale != nil {
			y *= scale[i]
		}
		if bias != nil {
			y += bias[i]
		}
		d[i] = y
	}
	return m
}

// affine32 sets d = (x - mean) · inv · scale + bias.
func affine32(d, x []float32, mean, inv float32, scale, bias []float32) {
	f32.Affine(d, x, 1, -mean)
	f32.Scale(d, inv)
	if scale != nil {
		f32.Mul(d, d, scale)
	}
	if bias != nil {
		f32.Add(d, d, bias)
	}
}

// operand reads an optional tensor of n elements (or of one, repeated).
func operand[T float](t *Tensor, n int) ([]T, error) {
	if t == nil {
		return nil, nil
	}
	v, ok := t.Data.([]T)
	if !ok {
		return nil, badType(t)
	}
	if len(v) == 1 && n != 1 {
		return slices.Repeat(v, n), nil
	}
	if len(v) != n {
		return nil, fmt.Errorf("%d elements, want %d", len(v), n)
	}
	return v, nil
}
