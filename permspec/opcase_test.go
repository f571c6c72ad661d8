package permspec_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// opCase is a model of one node, as a line of testdata/operators.txt writes it.
// Below the line, indented, stands what is to be inferred.
type opCase struct {
	line    int
	text    string
	slack   bool // the line begins with *: more is frozen than need be
	op      string
	version int64
	attrs   []string
	inputs  []string
	outputs []string // 1, 0 for one left out, or the shape where it cannot be inferred
	want    string
}

const casesFile = "testdata/operators.txt"

// readCases reads the cases of testdata/operators.txt.
func readCases(t testing.TB) []opCase {
	t.Helper()
	data, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	var out []opCase
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "//"):
		case line[0] == ' ':
			out[len(out)-1].want = strings.TrimSpace(line)
		default:
			c, err := parseCase(line)
			if err != nil {
				t.Fatalf("%s:%d: %v", casesFile, i+1, err)
			}
			c.line = i + 1
			out = append(out, c)
		}
	}
	return out
}

// parseCase reads "Op@version attribute=value … : input, … -> outputs".
func parseCase(line string) (opCase, error) {
	c := opCase{text: line}
	line, c.slack = strings.CutPrefix(line, "*")
	head, rest, ok := strings.Cut(line+" ", " : ")
	if !ok {
		return c, fmt.Errorf("%q lacks its inputs", line)
	}
	fields := strings.Fields(head)
	op, version, _ := strings.Cut(fields[0], "@")
	c.op, c.attrs = op, fields[1:]
	var err error
	if c.version, err = strconv.ParseInt(version, 10, 64); err != nil {
		return c, err
	}
	ins, outs, _ := strings.Cut(rest, "->")
	if strings.TrimSpace(ins) != "" {
		for _, in := range splitOutside(ins) {
			c.inputs = append(c.inputs, strings.TrimSpace(in))
		}
	}
	c.outputs = append(c.outputs, strings.Fields(outs)...)
	if c.outputs == nil {
		c.outputs = []string{"1"}
	}
	return c, nil
}

// splitOutside cuts at the commas outside brackets.
func splitOutside(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 0 {
				out, start = append(out, s[start:i]), i+1
			}
		}
	}
	return append(out, s[start:])
}

// model builds the model of the case; steer tells which inputs are constants
// that the case writes out.
func (c opCase) model() (m *onnxgraph.Model, steer map[int]bool, err error) {
	domain, op := "", c.op
	if name, ok := strings.CutPrefix(op, "ms."); ok {
		domain, op = "com.microsoft", name
	}
	n := &onnxpb.NodeProto{OpType: &op, Domain: &domain, Name: proto.String("node")}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Node: []*onnxpb.NodeProto{n}}
	steer = map[int]bool{}
	for i, in := range c.inputs {
		if in == "-" {
			n.Input = append(n.Input, "")
			continue
		}
		t, constant, err := c.tensor(i, in)
		if err != nil {
			return nil, nil, err
		}
		steer[i] = constant
		n.Input = append(n.Input, t.GetName())
		g.Initializer = append(g.Initializer, t)
	}
	for i, shape := range c.outputs {
		if shape == "0" {
			n.Output = append(n.Output, "")
			continue
		}
		v := &onnxpb.ValueInfoProto{Name: proto.String(fmt.Sprintf("y%d", i))}
		if shape != "1" {
			v.Type = floatType(shape)
		}
		n.Output = append(n.Output, v.GetName())
		g.Output = append(g.Output, v)
	}
	for _, a := range c.attrs {
		n.Attribute = append(n.Attribute, attribute(a))
	}
	pb := &onnxpb.ModelProto{IrVersion: proto.Int64(10), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{
		{Domain: proto.String(""), Version: &c.version}, {Domain: proto.String("com.microsoft"), Version: proto.Int64(1)},
	}}
	data, err := proto.Marshal(pb)
	if err != nil {
		return nil, nil, err
	}
	m, err = onnxgraph.Parse(data, "")
	return m, steer, err
}

// floatType is the type of a float32 tensor of a shape such as 2x3.
func floatType(shape string) *onnxpb.TypeProto {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxgraph.Float32)), Shape: &onnxpb.TensorShapeProto{}}
	for _, d := range dims(shape) {
		t.Shape.Dim = append(t.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}
}

// dims reads a shape such as 2x3; s is that of a scalar.
func dims(shape string) []int64 {
	var out []int64
	if shape != "s" {
		for _, d := range strings.Split(shape, "x") {
			n, _ := strconv.ParseInt(d, 10, 64)
			out = append(out, n)
		}
	}
	return out
}

// attribute reads name=value: 3, 0.5, word, or a list of these in brackets.
func attribute(text string) *onnxpb.AttributeProto {
	name, value, _ := strings.Cut(text, "=")
	a := &onnxpb.AttributeProto{Name: &name}
	list, isList := strings.CutPrefix(value, "[")
	set := func(k onnxpb.AttributeProto_AttributeType) { a.Type = &k }
	if !isList {
		if i, err := strconv.ParseInt(value, 10, 64); err == nil {
			set(onnxpb.AttributeProto_INT)
			a.I = &i
		} else if f, err := strconv.ParseFloat(value, 32); err == nil {
			set(onnxpb.AttributeProto_FLOAT)
			a.F = proto.Float32(float32(f))
		} else {
			set(onnxpb.AttributeProto_STRING)
			a.S = []byte(value)
		}
		return a
	}
	set(onnxpb.AttributeProto_INTS)
	for _, v := range strings.Split(strings.TrimSuffix(list, "]"), ",") {
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			a.Ints = append(a.Ints, i)
		} else if f, err := strconv.ParseFloat(v, 32); err == nil {
			set(onnxpb.AttributeProto_FLOATS)
			a.Floats = append(a.Floats, float32(f))
		} else if v != "" {
			set(onnxpb.AttributeProto_STRINGS)
			a.Strings = append(a.Strings, []byte(v))
		}
	}
	return a
}

var (
	random   = regexp.MustCompile(`^(\+?)(?:(f64|u8|i8|i32|i64|b)(?:<(\d+))?:)?(s|\d+(?:x\d+)*)$`)
	constant = regexp.MustCompile(`^(f|u8|i8|i32|i64|b)?([\[{])(.*)[\]}](?::(.*))?$`)
	types    = map[string]onnxgraph.DataType{
		"f": onnxgraph.Float32, "": onnxgraph.Float32, "f64": onnxgraph.Float64, "u8": onnxgraph.Uint8, "i8": onnxgraph.Int8,
		"i32": onnxgraph.Int32, "i64": onnxgraph.Int64, "b": onnxgraph.Bool,
	}
	// limits bound the random integers of a type.
	limits = map[onnxgraph.DataType]int{onnxgraph.Uint8: 200, onnxgraph.Int8: 100, onnxgraph.Int32: 1000, onnxgraph.Int64: 1000, onnxgraph.Bool: 2}
)

// tensor makes an input. "3x4" is random float32, "+3x4" from 0.5 to 1.5,
// "u8:3x4" random bytes, "i64<5:3" indices below 5, "s" a scalar; "[1,2]" and
// "{1}" are a given vector and scalar, int64 or, with a point, float32.
func (c opCase) tensor(i int, text string) (t *onnxpb.TensorProto, given bool, err error) {
	t = &onnxpb.TensorProto{Name: proto.String(fmt.Sprintf("x%d", i))}
	if p := random.FindStringSubmatch(text); p != nil {
		dt := types[p[2]]
		t.DataType = proto.Int32(int32(dt))
		t.Dims = dims(p[4])
		n := 1
		for _, d := range t.Dims {
			n *= int(d)
		}
		h := fnv.New64()
		fmt.Fprint(h, c.text, i)
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		limit, _ := strconv.Atoi(p[3])
		for range n {
			t.RawData = appendRandom(t.RawData, dt, rng, limit, p[1] == "+")
		}
		return t, false, nil
	}
	p := constant.FindStringSubmatch(text)
	if p == nil {
		return nil, false, fmt.Errorf("input %q cannot be read", text)
	}
	dt := types[p[1]]
	if p[1] == "" && !strings.Contains(p[3], ".") {
		dt = onnxgraph.Int64
	}
	t.DataType = proto.Int32(int32(dt))
	values := strings.Split(p[3], ",")
	if p[3] == "" {
		values = nil
	}
	if p[2] == "[" {
		t.Dims = []int64{int64(len(values))}
	}
	if p[4] != "" {
		t.Dims = dims(p[4])
	}
	for _, v := range values {
		if i, err := strconv.ParseInt(v, 10, 64); err == nil && dt == onnxgraph.Int64 {
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, uint64(i))
			continue
		}
		x, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return nil, false, err
		}
		t.RawData = appendNumber(t.RawData, dt, x)
	}
	return t, true, nil
}

func appendRandom(b []byte, dt onnxgraph.DataType, rng *rand.Rand, limit int, positive bool) []byte {
	if limit == 0 {
		limit = limits[dt]
	}
	switch {
	case positive:
		return appendNumber(b, dt, 0.5+rng.Float64())
	case limit == 0:
		return appendNumber(b, dt, rng.NormFloat64())
	case dt == onnxgraph.Int8:
		return appendNumber(b, dt, float64(rng.IntN(limit)-limit/2))
	}
	return appendNumber(b, dt, float64(rng.IntN(limit)))
}

func appendNumber(b []byte, dt onnxgraph.DataType, x float64) []byte {
	switch dt.Size() {
	case 1:
		return append(b, byte(int8(int(x))))
	case 8:
		if dt == onnxgraph.Float64 {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		return binary.LittleEndian.AppendUint64(b, uint64(int64(x)))
	}
	if dt == onnxgraph.Float32 {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	return binary.LittleEndian.AppendUint32(b, uint32(int32(x)))
}
