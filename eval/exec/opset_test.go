package exec_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// opCase is one operator at one opset: its attributes and inputs. A []int is an
// input of random float32 of that shape, a tensor one of the given contents, nil
// one left out.
type opCase struct {
	op      string
	opset   int64
	attrs   map[string]any
	inputs  []any
	outputs int
}

type attrs = map[string]any

func ints64(v ...int64) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{len(v)}, Data: v}
}

func floats32(v ...float32) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{len(v)}, Data: v}
}

func shapeless(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	t.Shape = []int{}
	return t
}

// opCases are operators whose meaning changed, or that are new, after the
// opsets of the conformance cases: 18 to 24.
var opCases = []opCase{
	{"ReduceMean", 18, attrs{"keepdims": 0}, []any{[]int{2, 5, 7}, ints64(-1)}, 1},
	{"ReduceMax", 20, attrs{}, []any{[]int{2, 5, 7}, ints64(0, 2)}, 1},
	{"ReduceL2", 18, attrs{}, []any{[]int{3, 33}, ints64(1)}, 1},
	{"ReduceLogSumExp", 18, attrs{"noop_with_empty_axes": 1}, []any{[]int{3, 4}}, 1},
	{"ReduceSumSquare", 18, attrs{}, []any{[]int{4, 9}}, 1},
	{"Split", 18, attrs{"axis": 1, "num_outputs": 3}, []any{[]int{2, 8}}, 3},
	{"Split", 18, attrs{"axis": 1}, []any{[]int{2, 8}, ints64(5, 3)}, 2},
	{"Pad", 18, attrs{}, []any{[]int{3, 4}, ints64(1, 2), nil, ints64(1)}, 1},
	{"Pad", 19, attrs{"mode": "wrap"}, []any{[]int{3, 4}, ints64(1, 2, 0, 1)}, 1},
	{"Pad", 19, attrs{"mode": "wrap"}, []any{[]int{3, 8}, ints64(0, 3, 0, -1)}, 1},
	{"Slice", 13, attrs{}, []any{[]int{5, 3}, ints64(0, -5), ints64(6, -8), ints64(0, 1), ints64(1, -2)}, 1},
	{"MaxPool", 12, attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{3, 2}, "auto_pad": "SAME_UPPER"}, []any{[]int{2, 2, 4, 2}}, 1},
	{"Pad", 21, attrs{"mode": "reflect"}, []any{[]int{3, 4}, ints64(1, 2, 0, 1)}, 1},
	{"Resize", 18, attrs{"mode": "linear", "axes": []int64{2, 3}}, []any{[]int{1, 2, 4, 5}, nil, floats32(1.5, 2)}, 1},
	{"Resize", 18, attrs{"mode": "linear", "antialias": 1}, []any{[]int{1, 2, 8, 9}, nil, floats32(1, 1, 0.5, 0.4)}, 1},
	{"Resize", 19, attrs{"mode": "cubic", "coordinate_transformation_mode": "half_pixel_symmetric"}, []any{[]int{1, 1, 5, 5}, nil, floats32(1, 1, 1.7, 1.3)}, 1},
	{"Resize", 19, attrs{"mode": "nearest", "keep_aspect_ratio_policy": "not_larger", "axes": []int64{2, 3}}, []any{[]int{1, 1, 4, 6}, nil, nil, ints64(8, 8)}, 1},
	{"Resize", 13, attrs{"coordinate_transformation_mode": "asymmetric"}, []any{[]int{76, 11}, nil, floats32(17./76, 1)}, 1},
	{"Resize", 19, attrs{"nearest_mode": "floor"}, []any{[]int{1, 2, 3, 7}, nil, nil, ints64(1, 2, 4, 1)}, 1}, // place 3, less the rounding of 1/7
	{"GroupNormalization", 21, attrs{"num_groups": 2}, []any{[]int{2, 6, 5}, []int{6}, []int{6}}, 1},
	{"LayerNormalization", 17, attrs{"axis": -2}, []any{[]int{2, 3, 4}, []int{3, 4}, []int{3, 4}}, 3},
	{"RMSNormalization", 23, attrs{"epsilon": float32(1e-3)}, []any{[]int{2, 3, 40}, []int{40}}, 1},
	{"Gelu", 20, attrs{}, []any{[]int{5, 19}}, 1},
	{"Gelu", 20, attrs{"approximate": "tanh"}, []any{[]int{5, 19}}, 1},
	{"Mish", 18, attrs{}, []any{[]int{40}}, 1},
	{"HardSwish", 14, attrs{}, []any{[]int{40}}, 1},
	{"LeakyRelu", 16, attrs{"alpha": float32(0.2)}, []any{[]int{40}}, 1},
	{"HardSigmoid", 22, attrs{"alpha": float32(0.3)}, []any{[]int{40}}, 1},
	{"Softmax", 13, attrs{"axis": 1}, []any{[]int{3, 20, 2}}, 1},
	{"LpPool", 18, attrs{"kernel_shape": []int64{2, 2}, "dilations": []int64{2, 1}, "ceil_mode": 1}, []any{[]int{1, 2, 6, 7}}, 1},
	{"AveragePool", 19, attrs{"kernel_shape": []int64{3, 2}, "dilations": []int64{1, 2}, "strides": []int64{2, 1}}, []any{[]int{1, 2, 7, 7}}, 1},
	{"AveragePool", 19, attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}, "count_include_pad": 1, "ceil_mode": 1, "strides": []int64{2, 2}}, []any{[]int{1, 2, 8, 8}}, 1},
	{"MaxPool", 22, attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}, "strides": []int64{2, 2}}, []any{[]int{2, 3, 9, 10}}, 1},
	{"MaxPool", 12, attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}, "ceil_mode": 1}, []any{[]int{2, 3, 9, 11}}, 1},
	{"MaxPool", 12, attrs{"kernel_shape": []int64{4}, "strides": []int64{3}}, []any{[]int{2, 3, 40}}, 2},
	{"Conv", 22, attrs{"strides": []int64{2, 2}, "pads": []int64{1, 0, 1, 2}}, []any{[]int{5, 3, 11, 10}, []int{7, 3, 3, 4}, []int{7}}, 1},
	{"Conv", 11, attrs{"strides": []int64{3, 2}, "dilations": []int64{1, 3}, "group": 2}, []any{[]int{3, 4, 9, 16}, []int{6, 2, 2, 3}}, 1},
	{"Conv", 11, attrs{"group": 4, "pads": []int64{1, 1, 1, 1}}, []any{[]int{2, 4, 9, 9}, []int{4, 1, 3, 3}, []int{4}}, 1},
	{"Conv", 11, attrs{"strides": []int64{4}}, []any{[]int{40, 2, 50}, []int{5, 2, 7}}, 1},
	{"Conv", 11, attrs{}, []any{[]int{2, 3, 5, 6, 7}, []int{4, 3, 2, 3, 2}}, 1},
	{"ConvTranspose", 22, attrs{"strides": []int64{2, 2}, "output_padding": []int64{1, 0}}, []any{[]int{2, 3, 4, 5}, []int{3, 4, 3, 3}, []int{4}}, 1},
	{"GridSample", 20, attrs{"mode": "linear", "padding_mode": "border"}, []any{[]int{1, 2, 5, 6}, []int{1, 3, 4, 2}}, 1},
	{"GridSample", 20, attrs{"mode": "cubic", "align_corners": 1}, []any{[]int{1, 2, 5, 6}, []int{1, 3, 4, 2}}, 1},
	{"AffineGrid", 20, attrs{}, []any{[]int{2, 2, 3}, ints64(2, 1, 3, 4)}, 1},
	{"DFT", 20, attrs{"onesided": 1}, []any{[]int{2, 10, 1}, nil, shapeless(ints64(1))}, 1},
	{"Col2Im", 18, attrs{"pads": []int64{1, 0, 1, 0}}, []any{[]int{1, 8, 20}, ints64(4, 5), ints64(2, 2)}, 1},
	{"CenterCropPad", 18, attrs{"axes": []int64{1, 2}}, []any{[]int{2, 5, 4}, ints64(3, 7)}, 1},
	{"ScatterElements", 18, attrs{"axis": 1, "reduction": "max"}, []any{[]int{2, 4}, &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{2, 2}, Data: []int64{0, 3, 1, 1}}, []int{2, 2}}, 1},
	{"ScatterND", 18, attrs{"reduction": "min"}, []any{[]int{4, 3}, &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{2, 1}, Data: []int64{1, 1}}, []int{2, 3}}, 1},
	{"TopK", 11, attrs{"largest": 0}, []any{[]int{3, 9}, ints64(4)}, 2},
	{"Einsum", 12, attrs{"equation": "bij,bkj->bik"}, []any{[]int{2, 3, 4}, []int{2, 5, 4}}, 1},
	{"Attention", 23, attrs{"is_causal": 1}, []any{[]int{2, 3, 5, 8}, []int{2, 3, 5, 8}, []int{2, 3, 5, 8}}, 1},
	{"Attention", 23, attrs{"q_num_heads": 4, "kv_num_heads": 2, "scale": float32(0.3)}, []any{[]int{2, 5, 32}, []int{2, 7, 16}, []int{2, 7, 16}, []int{5, 7}}, 1},
	{"RotaryEmbedding", 23, attrs{}, []any{[]int{2, 3, 4, 8}, []int{2, 4, 4}, []int{2, 4, 4}}, 1},
	{"RotaryEmbedding", 23, attrs{"num_heads": 3, "interleaved": 1}, []any{[]int{2, 4, 24}, []int{2, 4, 4}, []int{2, 4, 4}}, 1},
	{"LSTM", 14, attrs{"hidden_size": 5, "direction": "bidirectional"}, []any{[]int{4, 3, 6}, []int{2, 20, 6}, []int{2, 20, 5}, []int{2, 40}}, 3},
	{"GRU", 14, attrs{"hidden_size": 5, "linear_before_reset": 1}, []any{[]int{4, 3, 6}, []int{1, 15, 6}, []int{1, 15, 5}, []int{1, 30}}, 2},
	{"RNN", 22, attrs{"hidden_size": 5, "direction": "reverse"}, []any{[]int{4, 3, 6}, []int{1, 5, 6}, []int{1, 5, 5}}, 2},
}

func ints32(shape []int, v ...int32) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: onnxgraph.Int32, Shape: shape, Data: v}
}

func uints8(shape []int, v ...uint8) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: onnxgraph.Uint8, Shape: shape, Data: v}
}

// fusedCases are operators of com.microsoft.
var fusedCases = []opCase{
	{"FusedConv", 1, attrs{"activation": "LeakyRelu", "activation_params": []float32{0.1}}, []any{[]int{2, 3, 6, 6}, []int{4, 3, 3, 3}, []int{4}}, 1},
	{"FusedConv", 1, attrs{"activation": "Relu"}, []any{[]int{2, 3, 6, 6}, []int{4, 3, 3, 3}, []int{4}, []int{2, 4, 4, 4}}, 1},
	{"FusedGemm", 1, attrs{"activation": "LeakyRelu", "activation_alpha": float32(0.2), "transB": 1}, []any{[]int{3, 5}, []int{4, 5}, []int{4}}, 1},
	{"FusedMatMul", 1, attrs{"transB": 1, "alpha": float32(0.5)}, []any{[]int{2, 3, 5}, []int{2, 4, 5}}, 1},
	{"FusedMatMul", 1, attrs{"transBatchA": 1}, []any{[]int{3, 2, 4, 5}, []int{2, 4, 5, 6}}, 1},
	{"FusedMatMul", 1, attrs{"transBatchA": 1, "transA": 1, "transBatchB": 1, "transB": 1}, []any{[]int{5, 2, 3}, []int{4, 2, 5}}, 1},
	{"FusedMatMul", 1, attrs{"transBatchB": 1, "alpha": float32(2)}, []any{[]int{2, 3, 5}, []int{5, 2, 4}}, 1},
	{"BiasGelu", 1, attrs{}, []any{[]int{2, 3, 8}, []int{8}}, 1},
	{"FastGelu", 1, attrs{}, []any{[]int{2, 3, 8}, []int{8}}, 1},
	{"QuickGelu", 1, attrs{}, []any{[]int{2, 3, 8}}, 1},
	{"SkipLayerNormalization", 1, attrs{}, []any{[]int{2, 3, 8}, []int{2, 3, 8}, []int{8}, []int{8}, []int{8}}, 1},
	{"EmbedLayerNormalization", 1, attrs{}, []any{ints32([]int{2, 3}, 1, 4, 2, 0, 3, 3), ints32([]int{2, 3}, 0, 0, 1, 1, 0, 1),
		[]int{5, 8}, []int{6, 8}, []int{2, 8}, []int{8}, []int{8}, ints32([]int{2, 3}, 1, 1, 0, 1, 1, 1)}, 2},
	{"EmbedLayerNormalization", 1, attrs{}, []any{ints32([]int{2, 3}, 1, 4, 2, 0, 3, 3), ints32([]int{2, 3}, 0, 0, 1, 1, 0, 1),
		[]int{5, 8}, []int{6, 8}, []int{2, 8}, []int{8}, []int{8}, ints32([]int{2, 3}, 1, 2, 0, -1, 3, 1)}, 2}, // only 1 counts
	{"Attention", 1, attrs{"num_heads": 2}, []any{[]int{2, 3, 8}, []int{8, 24}, []int{24}, ints32([]int{2}, 3, 2)}, 1},
	{"Attention", 1, attrs{"num_heads": 2, "unidirectional": 1}, []any{[]int{2, 3, 8}, []int{8, 24}, []int{24}, ints32([]int{2, 3}, 1, 1, 1, 1, 1, 0)}, 1},
	{"Attention", 1, attrs{"num_heads": 2}, []any{[]int{2, 3, 8}, []int{8, 24}, []int{24}, ints32([]int{2, 3}, 1, 2, 0, 1, 3, -1)}, 1}, // more than 0 is seen
	{"MultiHeadAttention", 1, attrs{"num_heads": 2}, []any{[]int{2, 3, 8}, []int{2, 4, 8}, []int{2, 4, 8}}, 1},
	{"GroupQueryAttention", 1, attrs{"num_heads": 4, "kv_num_heads": 2}, []any{[]int{2, 3, 64}, []int{2, 3, 32}, []int{2, 3, 32}, nil, nil,
		ints32([]int{2}, 2, 2), ints32([]int{1}, 3)}, 3},
	{"GroupQueryAttention", 1, attrs{"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1}, []any{[]int{2, 3, 64}, []int{2, 3, 32}, []int{2, 3, 32}, nil, nil,
		ints32([]int{2}, 2, 2), ints32([]int{1}, 3), []int{8, 8}, []int{8, 8}}, 3},
	{"DynamicQuantizeMatMul", 1, attrs{}, []any{[]int{2, 3}, uints8([]int{3, 2}, 1, 200, 128, 50, 7, 90), floats32(0.02), uints8([]int{1}, 128), []int{2}}, 1},
}

// quantizedCases are the operators of com.microsoft that ONNX Runtime's
// quantizer writes.
var quantizedCases = []opCase{
	{"QLinearAdd", 1, attrs{}, []any{uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), uints8([]int{3}, 255, 3, 77), one(0.013), zero(9), one(0.037), zero(101)}, 1},
	{"QLinearMul", 1, attrs{}, []any{uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), uints8([]int{3}, 255, 3, 77), one(0.013), zero(9), one(0.037), zero(101)}, 1},
	{"QLinearLeakyRelu", 1, attrs{"alpha": float32(0.1)}, []any{uints8([]int{6}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), one(0.013), zero(30)}, 1},
	{"QLinearSigmoid", 1, attrs{}, []any{uints8([]int{6}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), one(0.004), zero(3)}, 1},
	{"QLinearSoftmax", 1, attrs{"axis": -1, "opset": 13}, []any{uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), one(1. / 256), zero(0)}, 1},
	{"QLinearConcat", 1, attrs{"axis": 1}, []any{one(0.02), zero(7), uints8([]int{2, 2}, 1, 200, 128, 50), one(0.021), zero(120), uints8([]int{2, 1}, 7, 90), one(0.05), zero(1)}, 1},
	{"QLinearAveragePool", 1, attrs{"kernel_shape": []int64{2, 2}}, []any{uints8([]int{1, 1, 3, 3}, 1, 200, 128, 50, 7, 90, 33, 44, 255), one(0.021), zero(120), one(0.013), zero(60)}, 1},
	{"QLinearGlobalAveragePool", 1, attrs{}, []any{uints8([]int{1, 1, 3, 3}, 1, 200, 128, 50, 7, 90, 33, 44, 255), one(0.021), zero(120), one(0.013), zero(60)}, 1},
	{"QLinearWhere", 1, attrs{}, []any{&onnxgraph.Tensor{Type: onnxgraph.Bool, Shape: []int{2, 3}, Data: []bool{true, false, true, false, false, true}},
		uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), uints8([]int{3}, 255, 3, 77), one(0.013), zero(9), one(0.037), zero(101)}, 1},
	{"QGemm", 1, attrs{"transB": 1}, []any{uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), uints8([]int{2, 3}, 11, 20, 18, 255, 77, 9), one(0.013), zero(90),
		ints32([]int{2}, 300, -40), one(0.09), zero(100)}, 1},
	{"QGemm", 1, attrs{}, []any{uints8([]int{2, 3}, 1, 200, 128, 50, 7, 90), one(0.021), zero(120), uints8([]int{3, 2}, 11, 20, 18, 255, 77, 9), one(0.013), zero(90)}, 1},
	{"MatMulNBits", 1, attrs{"K": 20, "N": 3, "bits": 4, "block_size": 16}, []any{[]int{2, 4, 20}, uints8([]int{3, 2, 8}, counted(48)...), []int{3, 2}}, 1},
	{"MatMulNBits", 1, attrs{"K": 20, "N": 3, "bits": 4, "block_size": 16}, []any{[]int{2, 20}, uints8([]int{3, 2, 8}, counted(48)...), []int{3, 2}, uints8([]int{3, 1}, 0x3a, 0x91, 0x07)}, 1},
	{"MatMulNBits", 1, attrs{"K": 16, "N": 3, "bits": 8, "block_size": 16}, []any{[]int{2, 16}, uints8([]int{3, 1, 16}, counted(48)...), []int{3, 1}}, 1},
	{"GatherBlockQuantized", 1, attrs{"block_size": 16}, []any{uints8([]int{3, 16}, counted(48)...), ints64(2, 0), []int{3, 2}}, 1},
	{"GatherBlockQuantized", 1, attrs{"block_size": 16, "bits": 8}, []any{uints8([]int{3, 32}, counted(96)...), ints64(1, -1, 1), []int{3, 2}, uints8([]int{3, 2}, counted(6)...)}, 1},
	{"QAttention", 1, attrs{"num_heads": 2}, []any{uints8([]int{1, 2, 4}, 1, 200, 128, 50, 7, 90, 33, 44), uints8([]int{4, 12}, counted(48)...), []int{12}, one(0.021), one(0.02), nil, zero(120), zero(110)}, 1},
}

// forest is a TreeEnsemble: two trees, the first of two branches, and a branch by membership.
var forest = attrs{"n_targets": 2, "aggregate_function": 1, "tree_roots": []int64{0, 2}, "nodes_modes": uints8([]int{3}, 0, 6, 3), "nodes_featureids": []int64{0, 1, 2},
	"nodes_splits": floats32(0.1, 0, -0.2), "nodes_truenodeids": []int64{1, 1, 3}, "nodes_trueleafs": []int64{0, 1, 1}, "nodes_falsenodeids": []int64{0, 2, 4}, "nodes_falseleafs": []int64{1, 1, 1},
	"membership_values": floats32(1, 3, float32(math.NaN())), "leaf_targetids": []int64{0, 1, 0, 1, 1}, "leaf_weights": floats32(0.5, -1, 2, 0.25, 3)}

// samples are three of three features.
func samples(v ...float32) *onnxgraph.Tensor {
	return &onnxgraph.Tensor{Type: onnxgraph.Float32, Shape: []int{3, 3}, Data: v}
}

// supports are four support vectors of three features.
var supports = []float32{0.1, -0.4, 1.2, 0.7, 0.2, -0.3, -1, 0.5, 0.6, 0.3, 0.3, -0.8}

// machine is an SVMClassifier of three classes, which have one, two and one support vectors.
func machine(more attrs) attrs {
	m := attrs{"classlabels_ints": []int64{2, 5, 7}, "vectors_per_class": []int64{1, 2, 1}, "support_vectors": supports, "rho": []float32{0.1, -0.2, 0.05},
		"coefficients": []float32{0.7, -0.4, 0.2, -0.6, 0.9, -0.3, 0.8, -0.5}, "kernel_type": "RBF", "kernel_params": []float32{0.5, 0, 3}}
	maps.Copy(m, more)
	return m
}

// classicCases are operators of ai.onnx.ml.
var classicCases = []opCase{
	{"TreeEnsemble", 5, forest, []any{samples(0, 3, 1, 0, 2, -1, 1, 1, 1)}, 1},
	{"SVMRegressor", 1, attrs{"n_supports": 4, "support_vectors": supports, "coefficients": []float32{0.5, -1, 2, 0.3}, "rho": []float32{0.25}, "kernel_type": "POLY", "kernel_params": []float32{0.5, 1, 2}}, []any{[]int{5, 3}}, 1},
	{"SVMRegressor", 1, attrs{"n_supports": 4, "support_vectors": supports, "coefficients": []float32{0.5, -1, 2, 0.3}, "rho": []float32{-1.4}, "kernel_type": "RBF", "kernel_params": []float32{0.5, 0, 3}, "one_class": 1}, []any{[]int{5, 3}}, 1},
	{"SVMClassifier", 1, machine(nil), []any{[]int{5, 3}}, 2},
	{"SVMClassifier", 1, machine(attrs{"kernel_type": "SIGMOID", "prob_a": []float32{-1.5, -2, -1}, "prob_b": []float32{0.1, -0.1, 0.2}}), []any{[]int{5, 3}}, 2},
	{"Imputer", 1, attrs{"imputed_value_floats": []float32{1, 2, 3}, "replaced_value_float": float32(math.NaN())}, []any{samples(0, float32(math.NaN()), 1, 0, 2, float32(math.NaN()), 1, 1, 1)}, 1},
	{"Imputer", 1, attrs{"imputed_value_int64s": []int64{8}, "replaced_value_int64": -1}, []any{ints64(3, -1, 4)}, 1},
	{"OneHotEncoder", 1, attrs{"cats_int64s": []int64{4, 2, 9}}, []any{ints64(2, 4, 3, 9)}, 1},
	{"OneHotEncoder", 1, attrs{"cats_int64s": []int64{4, 2, 9}}, []any{samples(2, 4.5, 3, 9, 2, 2, 4, 0, 9)}, 1},
	{"FeatureVectorizer", 1, attrs{"inputdimensions": []int64{3, 2}}, []any{[]int{4, 3}, []int{4, 2}}, 1},
}

func one(v float32) *onnxgraph.Tensor { return shapeless(floats32(v)) }

func zero(v uint8) *onnxgraph.Tensor { return uints8([]int{}, v) }

// counted returns n numbers all over the bytes.
func counted(n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(97 * i)
	}
	return out
}

// doubleCases are run in float64.
var doubleCases = []opCase{
	{"Conv", 11, attrs{"pads": []int64{1, 1, 1, 1}, "strides": []int64{2, 1}, "group": 2}, []any{[]int{2, 4, 6, 6}, []int{6, 2, 3, 3}, []int{6}}, 1},
	{"ConvTranspose", 11, attrs{"strides": []int64{2, 2}}, []any{[]int{2, 4, 3, 3}, []int{4, 3, 3, 3}, []int{3}}, 1},
	{"Gemm", 13, attrs{"transB": 1, "alpha": float32(0.5)}, []any{[]int{3, 5}, []int{4, 5}, []int{4}}, 1},
	{"MatMul", 13, attrs{}, []any{[]int{2, 3, 5}, []int{2, 5, 4}}, 1},
	{"MaxPool", 12, attrs{"kernel_shape": []int64{2, 2}}, []any{[]int{2, 3, 5, 5}}, 1},
	{"BatchNormalization", 15, attrs{}, []any{[]int{2, 3, 5}, []int{3}, []int{3}, []int{3},
		&onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{3}, Data: []float64{1, 2, 0.5}}}, 1},
	{"LayerNormalization", 17, attrs{}, []any{[]int{2, 3, 5}, []int{5}, []int{5}}, 1},
	{"Softmax", 13, attrs{}, []any{[]int{3, 7}}, 1},
	{"ReduceMean", 18, attrs{}, []any{[]int{3, 7}, ints64(1)}, 1},
	{"Sigmoid", 13, attrs{}, []any{[]int{30}}, 1},
	{"Tanh", 13, attrs{}, []any{[]int{30}}, 1},
	{"Erf", 13, attrs{}, []any{[]int{30}}, 1},
	{"Pow", 15, attrs{}, []any{[]int{30}, floats32(2)}, 1},
}

// Single operators give what ONNX Runtime gives.
func TestOperatorsOfNewerOpsets(t *testing.T) { beside(t, opCases, "", onnxgraph.Float32) }
func TestOperatorsOfONNXRuntime(t *testing.T) {
	beside(t, fusedCases, "com.microsoft", onnxgraph.Float32)
}
func TestOperatorsOfClassicModels(t *testing.T) {
	beside(t, classicCases, "ai.onnx.ml", onnxgraph.Float32)
}
func TestOperatorsOnQuantized(t *testing.T) {
	beside(t, quantizedCases, "com.microsoft", onnxgraph.Float32)
}
func TestOperatorsInDoubleSize(t *testing.T)    { beside(t, doubleCases, "", onnxgraph.Float64) }
func TestOperatorsInHalfPrecision(t *testing.T) { beside(t, opCases, "", onnxgraph.Float16) }

// beside runs operators of a domain here and on ONNX Runtime, their random
// inputs in the given type.
func beside(t *testing.T, cases []opCase, domain string, typ onnxgraph.DataType) {
	if _, err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	tol := map[onnxgraph.DataType]float64{onnxgraph.Float32: 2e-5, onnxgraph.Float64: 1e-7, onnxgraph.Float16: 1e-2}[typ]
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d_%s_%d", i, c.op, c.opset), func(t *testing.T) {
			m, inputs := c.model(t, domain, typ)
			defer m.Close()
			want, err := onRuntime(m, inputs, nil)
			if err != nil {
				t.Skipf("ONNX Runtime does not run it: %.150v", err)
			}
			s, err := exec.New(m, exec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Run(context.Background(), inputs, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				if d, err := difference(got[name], w); err != nil || d > tol {
					t.Errorf("output %q differs by %g of the largest: %v", name, d, err)
				}
			}
		})
	}
}

// Operators that ONNX Runtime has in float32 only give the same in float64.
func TestDoubleIsAsSingle(t *testing.T) {
	for _, c := range append([]opCase{{"ConvTranspose", 11, attrs{"group": 2, "dilations": []int64{2}}, []any{[]int{2, 4, 7}, []int{4, 3, 3}, []int{6}}, 1},
		{"Gelu", 20, attrs{}, []any{[]int{30}}, 1}, {"Conv", 11, attrs{"group": 3}, []any{[]int{2, 3, 8}, []int{3, 1, 3}}, 1}}, doubleCases[:12]...) {
		var out [2][]float64
		for i, typ := range []onnxgraph.DataType{onnxgraph.Float32, onnxgraph.Float64} {
			if c.op == "BatchNormalization" {
				break // its inputs have a type of their own
			}
			m, inputs := c.model(t, "", typ)
			s, err := exec.New(m, exec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Run(context.Background(), inputs, nil)
			if err != nil {
				t.Fatalf("%s: %v", c.op, err)
			}
			out[i] = floats(got["y0"])
			m.Close()
		}
		for i, v := range out[0] {
			if d := math.Abs(v - out[1][i]); d > 1e-5*(1+math.Abs(v)) {
				t.Errorf("%s: element %d is %g in float32, %g in float64", c.op, i, v, out[1][i])
			}
		}
	}
}

// model makes a model of the one node, and its inputs.
func (c *opCase) model(t *testing.T, domain string, typ onnxgraph.DataType) (*onnxgraph.Model, map[string]*onnxgraph.Tensor) {
	rng := rand.New(rand.NewPCG(5, 6))
	g, n := &onnxpb.GraphProto{Name: proto.String("g")}, &onnxpb.NodeProto{OpType: proto.String(c.op), Domain: proto.String(domain), Name: proto.String("node")}
	inputs := make(map[string]*onnxgraph.Tensor)
	for i, in := range c.inputs {
		name := fmt.Sprintf("x%d", i)
		switch in := in.(type) {
		case nil:
			name = ""
		case *onnxgraph.Tensor:
			inputs[name] = in
		case []int:
			size := 1
			for _, d := range in {
				size *= d
			}
			inputs[name] = &onnxgraph.Tensor{Type: typ, Shape: in, Data: randomData(t, typ, size, rng.NormFloat64)}
		}
		n.Input = append(n.Input, name)
		if x := inputs[name]; x != nil {
			g.Input = append(g.Input, declared(name, x))
		}
	}
	for i := range c.outputs {
		name := fmt.Sprintf("y%d", i)
		n.Output = append(n.Output, name)
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: proto.String(name)})
	}
	for name, v := range c.attrs {
		n.Attribute = append(n.Attribute, attribute(t, name, v))
	}
	g.Node = []*onnxpb.NodeProto{n}
	imports := []*onnxpb.OperatorSetIdProto{{Domain: proto.String(domain), Version: proto.Int64(c.opset)}}
	if domain != "" {
		imports = append(imports, &onnxpb.OperatorSetIdProto{Domain: proto.String(""), Version: proto.Int64(17)})
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(10), Graph: g,
		OpsetImport: imports})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxgraph.Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return m, inputs
}

func declared(name string, x *onnxgraph.Tensor) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range x.Shape {
		shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(x.Type)), Shape: shape}}}}
}

// rawOf returns the bytes of a tensor's elements.
func rawOf(t *testing.T, x *onnxgraph.Tensor) []byte {
	raw, err := binary.Append(nil, binary.LittleEndian, x.Data)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func attribute(t *testing.T, name string, v any) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: proto.String(name)}
	switch v := v.(type) {
	case int:
		a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
	case float32:
		a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
	case string:
		a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
	case []float32:
		a.Type, a.Floats = onnxpb.AttributeProto_FLOATS.Enum(), v
	case []int64:
		a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
	case *onnxgraph.Tensor:
		a.Type, a.T = onnxpb.AttributeProto_TENSOR.Enum(), &onnxpb.TensorProto{DataType: proto.Int32(int32(v.Type)), RawData: rawOf(t, v)}
		for _, d := range v.Shape {
			a.T.Dims = append(a.T.Dims, int64(d))
		}
	default:
		t.Fatalf("attribute %s of type %v", name, reflect.TypeOf(v))
	}
	return a
}
