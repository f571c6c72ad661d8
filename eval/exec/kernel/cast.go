package kernel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// casts is the table of the operators that change the element type.
var casts = ops{
	"Cast":     move(prepareCast),
	"CastLike": move(prepareCastLike),
}

func prepareCast(n *Node) (Kernel, error) {
	to := DataType(n.Int("to", 0))
	if sliceType(to) == nil || to == Sequence {
		return nil, fmt.Errorf("cast to element type %v is not supported", to)
	}
	return func(c *Call) error { return cast(c, to) }, nil
}

func prepareCastLike(*Node) (Kernel, error) {
	return func(c *Call) error { return cast(c, c.In[1].Type) }, nil
}

func cast(c *Call, to DataType) error {
	x := c.In[0]
	if x.Type == to {
		return c.Alias(0, 0, x.Shape)
	}
	t, err := c.New(0, to, x.Shape...)
	if err != nil {
		return err
	}
	return castTo(t, x)
}

// castTo converts the elements of x to the type of t: floating point towards
// zero when an integer is wanted, to nearest when a shorter format is; a truth
// value is 0 or 1; integers keep their low bits.
func castTo(t, x *Tensor) error {
	if t.Type == onnxgraph.String {
		return format(t.Data.([]string), x)
	}
	switch v := x.Data.(type) {
	case []float32:
		return castFloat(t, v)
	case []float64:
		return castFloat(t, v)
	case []uint16:
		if isHalf(x.Type) {
			return castFloat(t, widen(x))
		}
		return castNumber(t, v)
	case []int8:
		return castNumber(t, v)
	case []int16:
		return castNumber(t, v)
	case []int32:
		return castNumber(t, v)
	case []int64:
		return castNumber(t, v)
	case []uint8:
		return castNumber(t, v)
	case []uint32:
		return castNumber(t, v)
	case []uint64:
		return castNumber(t, v)
	case []bool:
		bits := make([]uint8, len(v))
		for i, b := range v {
			if b {
				bits[i] = 1
			}
		}
		return castNumber(t, bits)
	case []string:
		f, err := parse(v)
		if err != nil {
			return err
		}
		if t.Type == onnxgraph.Int64 {
			return parseInts(t.Data.([]int64), v)
		}
		return castFloat(t, f)
	}
	return badType(x)
}

// castFloat is castNumber with conversions to integers that do not depend on
// the processor: NaN is 0, and what is out of range is brought to int64 first.
func castFloat[A float](t *Tensor, x []A) error {
	switch t.Type {
	case onnxgraph.Float32, onnxgraph.Float64, onnxgraph.Float16, onnxgraph.BFloat16, onnxgraph.Bool:
		return castNumber(t, x)
	}
	if t.Type == onnxgraph.Uint64 {
		d := t.Data.([]uint64)
		for i, v := range x {
			d[i] = uint64(max(0, v))
		}
		return nil
	}
	whole := make([]int64, len(x))
	for i, v := range x {
		switch f := float64(v); {
		case f != f:
		case f >= math.MaxInt64:
			whole[i] = math.MaxInt64
		case f <= math.MinInt64:
			whole[i] = math.MinInt64
		default:
			whole[i] = int64(f)
		}
	}
	return castNumber(t, whole)
}

func castNumber[A number](t *Tensor, x []A) error {
	switch d := t.Data.(type) {
	case []float32:
		castRow(d, x)
	case []float64:
		castRow(d, x)
	case []int8:
		castRow(d, x)
		if t.Type == onnxgraph.Int4 {
			for i, v := range d {
				d[i] = v << 4 >> 4
			}
		}
	case []int16:
		castRow(d, x)
	case []int32:
		castRow(d, x)
	case []int64:
		castRow(d, x)
	case []uint8:
		castRow(d, x)
		if t.Type == onnxgraph.Uint4 {
			for i, v := range d {
				d[i] = v & 15
			}
		}
	case []uint32:
		castRow(d, x)
	case []uint64:
		castRow(d, x)
	case []bool:
		for i, v := range x {
			d[i] = v != 0
		}
	case []uint16:
		switch t.Type {
		case onnxgraph.Float16:
			for i, v := range x {
				d[i] = roundHalf(float64(v), half.ToFloat16)
			}
		case onnxgraph.BFloat16:
			for i, v := range x {
				d[i] = roundHalf(float64(v), half.ToBFloat16)
			}
		default:
			castRow(d, x)
		}
	default:
		return badType(t)
	}
	return nil
}

func castRow[D, A number](d []D, x []A) {
	for i, v := range x {
		d[i] = D(v)
	}
}

// roundHalf rounds a float64 to a 16-bit format. Going through float32 would
// round twice; rounding to odd on the way keeps the second rounding right.
func roundHalf(v float64, narrow func(float32) uint16) uint16 {
	f := float32(v)
	if d := float64(f); d != v && v == v && !math.IsInf(d, 0) && math.Float32bits(f)&1 == 0 {
		if d < v {
			f = math.Nextafter32(f, float32(math.Inf(1)))
		} else {
			f = math.Nextafter32(f, float32(math.Inf(-1)))
		}
	}
	return narrow(f)
}

// format writes numbers as the shortest text that reads back the same.
func format(out []string, x *Tensor) error {
	switch v := x.Data.(type) {
	case []float32:
		for i, f := range v {
			out[i] = formatFloat(float64(f), 32)
		}
	case []float64:
		for i, f := range v {
			out[i] = formatFloat(f, 64)
		}
	case []int64:
		for i, n := range v {
			out[i] = strconv.FormatInt(n, 10)
		}
	case []int32:
		for i, n := range v {
			out[i] = strconv.FormatInt(int64(n), 10)
		}
	case []bool:
		for i, b := range v {
			out[i] = strconv.Itoa(map[bool]int{true: 1}[b])
		}
	default:
		return badType(x)
	}
	return nil
}

func formatFloat(f float64, bits int) string {
	switch {
	case f != f:
		return "NaN"
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

func parse(x []string) ([]float64, error) {
	out := make([]float64, len(x))
	for i, s := range x {
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		out[i] = f
	}
	return out, nil
}

// parseInts reads integers exactly, which need not fit a float64.
func parseInts(out []int64, x []string) error {
	for i, s := range x {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
			n = int64(f)
		}
		out[i] = n
	}
	return nil
}
