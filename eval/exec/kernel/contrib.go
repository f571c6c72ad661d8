package kernel

import (
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// microsoft is the table of the operators of com.microsoft, which ONNX
// Runtime's optimizer puts into the files it saves.
var microsoft = ops{
	"Gelu":                             compute(prepareFloat),
	"QuickGelu":                        compute(prepareFloat),
	"FastGelu":                         compute(prepareBiasedGelu),
	"BiasGelu":                         compute(prepareBiasedGelu),
	"FusedConv":                        compute(prepareConv),
	"FusedGemm":                        compute(prepareGemm),
	"FusedMatMul":                      compute(prepareMatMul),
	"SimplifiedLayerNormalization":     compute(prepareLayerNorm),
	"SkipLayerNormalization":           compute(prepareSkipNorm),
	"SkipSimplifiedLayerNormalization": compute(prepareSkipNorm),
	"EmbedLayerNormalization":          compute(prepareEmbedNorm),
	"Attention":                        compute(preparePackedAttention),
	"MultiHeadAttention":               compute(prepareMultiHeadAttention),
	"GroupQueryAttention":              compute(prepareGroupQueryAttention),
	"RotaryEmbedding":                  compute(prepareRotary),
	"QuantizeLinear":                   compute(prepareQuantize),
	"DequantizeLinear":                 compute(prepareDequantize),
	"DynamicQuantizeMatMul":            compute(prepareDynamicMatMul),
	"MatMulIntegerToFloat":             compute(prepareDynamicMatMul),
	"QLinearAdd":                       compute(prepareFixedPoint),
	"QLinearMul":                       compute(prepareFixedPoint),
	"QLinearWhere":                     compute(prepareFixedPoint),
	"QLinearConcat":                    compute(prepareFixedPoint),
	"QLinearLeakyRelu":                 compute(prepareFixedPoint),
	"QLinearSigmoid":                   compute(prepareFixedPoint),
	"QLinearSoftmax":                   compute(prepareFixedPoint),
	"QLinearAveragePool":               compute(prepareFixedPoint),
	"QLinearGlobalAveragePool":         compute(prepareFixedPoint),
	"DynamicQuantizeLSTM":              compute(prepareDynamicLSTM),
	"MatMulNBits":                      compute(prepareMatMulNBits),
	"GatherBlockQuantized":             compute(prepareGatherBlocks),
	"QGemm":                            compute(prepareFixedPoint),
	"QAttention":                       compute(prepareFixedPoint),
	"QEmbedLayerNormalization":         compute(prepareFixedPoint),
	"Trilu":                            move(prepareTrilu),
}

// prepareBiasedGelu prepares BiasGelu, exact, and FastGelu, by tanh: of the sum
// of the input and a bias over the last axis.
func prepareBiasedGelu(n *Node) (Kernel, error) {
	approximate := "none"
	if n.Op == "FastGelu" {
		approximate = "tanh"
	}
	row, err := rowFor(&Node{Op: "Gelu", Attrs: map[string]onnxgraph.Attr{
		"approximate": {Kind: onnxgraph.AttrString, String: approximate}}})
	if err != nil {
		return nil, err
	}
	biased := n.Has(1)
	return func(c *Call) error {
		x, err := floats32(c.In[0], "input", -1)
		if err != nil {
			return err
		}
		if !biased {
			return apply(c, onnxgraph.Float32, 16, row)
		}
		bias, err := floats32(c.In[1], "bias", 1)
		if err != nil {
			return err
		}
		n := len(bias)
		if n == 0 || len(x)%n != 0 || c.In[0].Shape[len(c.In[0].Shape)-1] != n {
			return fmt.Errorf("bias of %d for input %v", n, c.In[0].Shape)
		}
		out, err := c.Over(0, onnxgraph.Float32, c.In[0].Shape, 0)
		if err != nil {
			return err
		}
		d := out.Data.([]float32)
		c.Parallel(len(x)/n, 16*n, func(lo, hi int) {
			for r := lo; r < hi; r++ {
				line, from := d[r*n:][:n], x[r*n:][:n]
				for i, v := range from {
					line[i] = v + bias[i]
				}
				row(line, line)
			}
		})
		return nil
	}, nil
}

// prepareSkipNorm prepares SkipLayerNormalization and its simplified form: the
// normalization of input + skip + bias. The sum is output 3.
func prepareSkipNorm(n *Node) (Kernel, error) {
	eps := float64(n.Float("epsilon", 1e-12))
	centre, scaleAt, shiftAt, biasAt := true, 2, 3, 4
	if n.Op == "SkipSimplifiedLayerNormalization" {
		centre, shiftAt, biasAt = false, -1, 3
	}
	wantSum, wantMean, wantInv := n.Wants(3), n.Wants(1), n.Wants(2)
	return func(c *Call) error {
		x, err := floats32(c.In[0], "input", -1)
		if err != nil {
			return err
		}
		skip, err := floats32(c.In[1], "skip", -1)
		if err != nil {
			return err
		}
		shape := c.In[0].Shape
		if len(shape) == 0 || len(skip) == 0 || len(x)%len(skip) != 0 {
			return fmt.Errorf("input %v and skip %v", shape, c.In[1].Shape)
		}
		n := shape[len(shape)-1]
		var bias []float32
		if c.Has(biasAt) {
			if bias, err = operand[float32](c.In[biasAt], n); err != nil {
				return fmt.Errorf("bias: %w", err)
			}
		}
		sum := c.Floats(len(x))
		if wantSum {
			t, err := c.New(3, onnxgraph.Float32, shape...)
			if err != nil {
				return err
			}
			sum = t.Data.([]float32)
		}
		for i, v := range x {
			sum[i] = v + skip[i%len(skip)]
			if bias != nil {
				sum[i] += bias[i%n]
			}
		}
		var shift *Tensor
		if shiftAt > 0 {
			shift = c.Input(shiftAt)
		}
		return c.normLines(sum, shape, c.In[scaleAt], shift, eps, centre, wantMean, wantInv)
	}, nil
}

// normLines makes output 0 of x with every line of the last axis normalized,
// and, when wanted, outputs 1 and 2 of means and inverse deviations.
func (c *Call) normLines(x []float32, shape []int, scale, shift *Tensor, eps float64, centre, wantMean, wantInv bool) error {
	n := shape[len(shape)-1]
	l := &lines{c: c, rows: size(shape[:len(shape)-1]), n: n, eps: eps, centre: centre}
	stat := slices.Clone(shape)
	stat[len(stat)-1] = 1
	for i, want := range []bool{wantMean, wantInv} {
		if !want {
			continue
		}
		t, err := c.Zeros(i+1, onnxgraph.Float32, stat...)
		if err != nil {
			return err
		}
		*[]*[]float32{&l.means, &l.invs}[i] = t.Data.([]float32)
	}
	out, err := c.New(0, onnxgraph.Float32, shape...)
	if err != nil {
		return err
	}
	return layerNorm(l, out.Data.([]float32), x, scale, shift)
}

// prepareEmbedNorm prepares EmbedLayerNormalization: the sum of the embeddings
// of word, position and segment, normalized. Output 1 counts the tokens that
// the mask keeps, output 2 is the sum.
func prepareEmbedNorm(n *Node) (Kernel, error) {
	eps := float64(n.Float("epsilon", 1e-12))
	wantMask, wantSum := n.Wants(1), n.Wants(2)
	return func(c *Call) error {
		if len(c.In[0].Shape) != 2 {
			return fmt.Errorf("tokens of shape %v", c.In[0].Shape)
		}
		batch, steps := c.In[0].Shape[0], c.In[0].Shape[1]
		words, err := floats32(c.In[2], "word embedding", 2)
		if err != nil {
			return err
		}
		width := c.In[2].Shape[1]
		shape := []int{batch, steps, width}
		sum := c.Floats(size(shape))
		if wantSum {
			t, err := c.New(2, onnxgraph.Float32, shape...)
			if err != nil {
				return err
			}
			sum = t.Data.([]float32)
		}
		clear(sum)
		if err := addRows(sum, c.In[0], words, batch*steps, width); err != nil {
			return fmt.Errorf("words: %w", err)
		}
		places := c.Input(8)
		if places == nil {
			places = counting(batch, steps)
		}
		for _, e := range []struct {
			ids, table *Tensor
			name       string
		}{{places, c.In[3], "positions"}, {c.Input(1), c.Input(4), "segments"}} {
			if e.ids == nil || e.table == nil {
				continue
			}
			table, err := floats32(e.table, e.name, 2)
			if err != nil {
				return err
			}
			if err := addRows(sum, e.ids, table, batch*steps, width); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
		}
		if wantMask {
			if err := c.tokenCounts(batch); err != nil {
				return err
			}
		}
		return c.normLines(sum, shape, c.In[5], c.In[6], eps, true, false, false)
	}, nil
}

// counting is 0, 1, … for every example.
func counting(batch, steps int) *Tensor {
	ids := make([]int64, batch*steps)
	for i := range ids {
		ids[i] = int64(i % steps)
	}
	return &Tensor{Type: onnxgraph.Int64, Shape: []int{batch, steps}, Data: ids}
}

// addRows adds to each row of sum the table's row that ids name; one row of ids
// serves all examples.
func addRows(sum []float32, ids *Tensor, table []float32, rows, width int) error {
	index, err := ints(ids)
	if err != nil {
		return err
	}
	if len(index) == 0 || rows%len(index) != 0 {
		return fmt.Errorf("%d ids for %d rows", len(index), rows)
	}
	for r := range rows {
		i := index[r%len(index)]
		if i < 0 || (i+1)*width > len(table) {
			return fmt.Errorf("id %d is outside the table", i)
		}
		addTo(sum[r*width:][:width], table[i*width:])
	}
	return nil
}

// tokenCounts makes output 1: how many tokens the mask, input 7, keeps, which
// are those where it is exactly 1.
func (c *Call) tokenCounts(batch int) error {
	t, err := c.Zeros(1, onnxgraph.Int32, batch)
	if err != nil || !c.Has(7) {
		return err
	}
	mask, err := ints(c.In[7])
	if err != nil {
		return err
	}
	for i, m := range mask {
		if m == 1 {
			t.Data.([]int32)[i*batch/len(mask)]++
		}
	}
	return nil
}

// prepareDynamicMatMul prepares MatMulIntegerToFloat and DynamicQuantizeMatMul:
// the product of an input, quantized or quantized on the spot, and quantized
// weights, as floats.
func prepareDynamicMatMul(n *Node) (Kernel, error) {
	quantize, err := prepareDynamicQuantize(n)
	if err != nil {
		return nil, err
	}
	product, err := prepareMatMul(&Node{Op: "MatMul"})
	if err != nil {
		return nil, err
	}
	dynamic := n.Op == "DynamicQuantizeMatMul"
	return func(c *Call) error {
		// A, B, scale of A, scale of B, zero points of A and B, bias.
		in := [7]*Tensor{}
		if dynamic {
			sub := c.sub(c.In[0])
			sub.Out = make([]*Value, 3)
			if err := quantize(sub); err != nil {
				return err
			}
			c.scratch = append(c.scratch, sub.Out...)
			in = [7]*Tensor{&sub.Out[0].Tensor, c.In[1], &sub.Out[1].Tensor, c.In[2], &sub.Out[2].Tensor, c.Input(3), c.Input(4)}
		} else {
			for i := range in {
				in[i] = c.Input(i)
			}
		}
		sums, shape, err := centredProduct(c, product, [2]*Tensor{in[0], in[1]}, [2]*Tensor{in[4], in[5]}, false)
		if err != nil {
			return err
		}
		out, err := c.New(0, onnxgraph.Float32, shape...)
		if err != nil {
			return err
		}
		return scaleSums(out.Data.([]float32), sums, shape, in)
	}, nil
}

func scaleSums(d []float32, sums []float64, shape []int, in [7]*Tensor) error {
	a, err := oneFloat(in[2])
	if err != nil {
		return err
	}
	b, err := floats64(in[3])
	if err != nil {
		return err
	}
	n := shape[len(shape)-1]
	var bias []float64
	if in[6] != nil {
		if bias, err = floats64(in[6]); err != nil {
			return err
		}
	}
	if len(b) != 1 && len(b) != n || bias != nil && len(bias) != n {
		return fmt.Errorf("%d scales and a bias of %d for %d columns", len(b), len(bias), n)
	}
	for i, v := range sums {
		v *= a * b[i%n%len(b)]
		if bias != nil {
			v += bias[i%n]
		}
		d[i] = float32(v)
	}
	return nil
}
