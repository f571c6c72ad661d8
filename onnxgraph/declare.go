package onnxgraph

import "github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"

// declare notes what the file says of the types of values, the last word
// counting.
func (s *scope) declare(infos []*onnxpb.ValueInfoProto) {
	if s.types == nil {
		s.types = map[string]*onnxpb.TypeProto{}
	}
	for _, i := range infos {
		if i.GetType() != nil {
			s.types[i.GetName()] = i.GetType()
		}
	}
}

// declared completes a value with the type the file declares for it, where the
// value has none yet.
func (s *scope) declared(v *Value, t *onnxpb.TypeProto) {
	tensor := t.GetTensorType()
	if tensor == nil {
		tensor = t.GetOptionalType().GetElemType().GetTensorType()
	}
	if tensor == nil || v.Weight != nil {
		return
	}
	if v.Type == Undefined {
		v.Type = DataType(tensor.GetElemType())
	}
	if tensor.GetShape() == nil || v.HasShape {
		return
	}
	v.HasShape = true
	for _, d := range tensor.GetShape().GetDim() {
		v.Declared = append(v.Declared, s.dim(d))
	}
}

// dim returns a declared size. Several exporters write one of a few words, or a
// negative number, for every size they do not know: those are not symbols.
func (s *scope) dim(d *onnxpb.TensorShapeProto_Dimension) Dim {
	switch v := d.GetValue().(type) {
	case *onnxpb.TensorShapeProto_Dimension_DimValue:
		if v.DimValue >= 0 {
			return Size(v.DimValue)
		}
	case *onnxpb.TensorShapeProto_Dimension_DimParam:
		switch v.DimParam {
		case "?", "-1", "None", "unknown":
		default:
			if !s.local {
				return Symbol(v.DimParam)
			}
		}
	}
	return Symbol("")
}

// setWeight makes a value the constant w.
func (v *Value) setWeight(w *Weight) {
	v.Weight, v.Type, v.HasShape = w, w.Type, true
	v.Declared = make([]Dim, len(w.Shape))
	for i, n := range w.Shape {
		v.Declared[i] = Size(n)
	}
}
