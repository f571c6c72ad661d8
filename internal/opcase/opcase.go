// Package opcase reads the cases of the operator table, permspec's
// testdata/operators.txt: models of one node each, as text.
package opcase

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

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Case is a model of one node, as a line of the file writes it. Below the line,
// indented, stands what is to be inferred.
type Case struct {
	Line    int
	Text    string
	Slack   bool   // the line begins with *: more is frozen than need be
	Op      string // those of com.microsoft begin with "ms."
	Version int64
	Attrs   []string
	Inputs  []string
	Outputs []string // 1, 0 for one left out, or the shape where it cannot be inferred
	Want    string
}

// Read reads a file of cases.
func Read(path string) ([]Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []Case
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "//"):
		case line[0] == ' ':
			out[len(out)-1].Want = strings.TrimSpace(line)
		default:
			c, err := parseCase(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			c.Line = i + 1
			out = append(out, c)
		}
	}
	return out, nil
}

// parseCase reads "Op@version attribute=value … : input, … -> outputs".
func parseCase(line string) (Case, error) {
	c := Case{Text: line}
	line, c.Slack = strings.CutPrefix(line, "*")
	head, rest, ok := strings.Cut(line+" ", " : ")
	if !ok {
		return c, fmt.Errorf("%q lacks its inputs", line)
	}
	fields := strings.Fields(head)
	op, version, _ := strings.Cut(fields[0], "@")
	c.Op, c.Attrs = op, fields[1:]
	var err error
	if c.Version, err = strconv.ParseInt(version, 10, 64); err != nil {
		return c, err
	}
	ins, outs, _ := strings.Cut(rest, "->")
	if strings.TrimSpace(ins) != "" {
		for _, in := range splitOutside(ins) {
			c.Inputs = append(c.Inputs, strings.TrimSpace(in))
		}
	}
	c.Outputs = append(c.Outputs, strings.Fields(outs)...)
	if c.Outputs == nil {
		c.Outputs = []string{"1"}
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

// Model builds the model of the case; steer tells which inputs are constants
// that the case writes out.
func (c Case) Model() (m *onnxgraph.Model, steer map[int]bool, err error) {
	domain, op := "", c.Op
	if name, ok := strings.CutPrefix(op, "ms."); ok {
		domain, op = "com.microsoft", name
	}
	n := &onnxpb.NodeProto{OpType: &op, Domain: &domain, Name: proto.String("node")}
	g := &onnxpb.GraphProto{Name: proto.String("g"), Node: []*onnxpb.NodeProto{n}}
	steer = map[int]bool{}
	for i, in := range c.Inputs {
		if in == "-" {
			n.Input = append(n.Input, "")
			continue
		}
		t, constant, err := c.Tensor(i, in)
		if err != nil {
			return nil, nil, err
		}
		steer[i] = constant
		n.Input = append(n.Input, t.GetName())
		g.Initializer = append(g.Initializer, t)
	}
	for i, shape := range c.Outputs {
		if shape == "0" {
			n.Output = append(n.Output, "")
			continue
		}
		v := &onnxpb.ValueInfoProto{Name: proto.String(fmt.Sprintf("y%d", i))}
		if shape != "1" {
			v.Type = FloatType(shape)
		}
		n.Output = append(n.Output, v.GetName())
		g.Output = append(g.Output, v)
	}
	for _, a := range c.Attrs {
		n.Attribute = append(n.Attribute, Attribute(a))
	}
	pb := &onnxpb.ModelProto{IrVersion: proto.Int64(10), Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{
		{Domain: proto.String(""), Version: &c.Version}, {Domain: proto.String("com.microsoft"), Version: proto.Int64(1)},
	}}
	data, err := proto.Marshal(pb)
	if err != nil {
		return nil, nil, err
	}
	m, err = onnxgraph.Parse(data, "")
	return m, steer, err
}

// FloatType is the type of a float32 tensor of a shape such as 2x3.
func FloatType(shape string) *onnxpb.TypeProto {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxgraph.Float32)), Shape: &onnxpb.TensorShapeProto{}}
	for _, d := range Dims(shape) {
		t.Shape.Dim = append(t.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}
}

// Dims reads a shape such as 2x3; s is that of a scalar.
func Dims(shape string) []int64 {
	var out []int64
	if shape != "s" {
		for _, d := range strings.Split(shape, "x") {
			n, _ := strconv.ParseInt(d, 10, 64)
			out = append(out, n)
		}
	}
	return out
}

// Attribute reads name=value: 3, 0.5, word, or a list of these in brackets.
func Attribute(text string) *onnxpb.AttributeProto {
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
	// Types are the words for element types.
	Types = map[string]onnxgraph.DataType{
		"f": onnxgraph.Float32, "": onnxgraph.Float32, "f64": onnxgraph.Float64, "u8": onnxgraph.Uint8, "i8": onnxgraph.Int8,
		"i32": onnxgraph.Int32, "i64": onnxgraph.Int64, "b": onnxgraph.Bool,
	}
	// limits bound the random integers of a type.
	limits = map[onnxgraph.DataType]int{onnxgraph.Uint8: 200, onnxgraph.Int8: 100, onnxgraph.Int32: 1000, onnxgraph.Int64: 1000, onnxgraph.Bool: 2}
)

// Tensor makes input i of the case. "3x4" is random float32, "+3x4" from 0.5 to 1.5,
// "u8:3x4" random bytes, "i64<5:3" indices below 5, "s" a scalar; "[1,2]" and
// "{1}" are a given vector and scalar, int64 or, with a point, float32.
func (c Case) Tensor(i int, text string) (t *onnxpb.TensorProto, given bool, err error) {
	t = &onnxpb.TensorProto{Name: proto.String(fmt.Sprintf("x%d", i))}
	if p := random.FindStringSubmatch(text); p != nil {
		dt := Types[p[2]]
		t.DataType = proto.Int32(int32(dt))
		t.Dims = Dims(p[4])
		n := 1
		for _, d := range t.Dims {
			n *= int(d)
		}
		h := fnv.New64()
		fmt.Fprint(h, c.Text, i)
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
	dt := Types[p[1]]
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
		t.Dims = Dims(p[4])
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
