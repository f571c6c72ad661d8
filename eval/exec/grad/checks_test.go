package grad

// checks lists at least one node for every rule.
func checks() []check {
	var all []check
	for _, family := range [][]check{unaryChecks(), pairChecks(), movingChecks(), foldingChecks(), normChecks(), productChecks(), windowChecks(), recurrentChecks()} {
		all = append(all, family...)
	}
	return all
}

func unaryChecks() []check {
	var all []check
	for _, op := range []string{"Relu", "Abs", "Neg", "Exp", "Erf", "Sin", "Cos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh", "Sigmoid",
		"LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Mish", "Gelu", "Swish", "ThresholdedRelu", "Shrink"} {
		all = append(all, check{op: op, in: []*Tensor{between(-4.01, 4.02, 3, 7)}})
	}
	for _, op := range []string{"Log", "Sqrt", "Reciprocal"} {
		all = append(all, check{op: op, in: []*Tensor{between(0.5, 3, 5)}})
	}
	for _, op := range []string{"Tan", "Asin", "Acos", "Atanh"} {
		all = append(all, check{op: op, in: []*Tensor{between(-0.9, 0.9, 6)}})
	}
	return append(all, []check{
		{op: "Acosh", in: []*Tensor{between(1.2, 3, 5)}},
		{op: "LeakyRelu", attrs: attrs{"alpha": 0.3}, in: []*Tensor{some(9)}},
		{op: "Elu", attrs: attrs{"alpha": 0.7}, in: []*Tensor{some(9)}},
		{op: "Celu", attrs: attrs{"alpha": 0.7}, in: []*Tensor{some(9)}},
		{op: "Gelu", attrs: attrs{"approximate": "tanh"}, in: []*Tensor{some(9)}},
		{op: "Clip", in: []*Tensor{some(8), single(-1), single(1)}, fixed: []int{1, 2}},
		{op: "Clip", version: 6, attrs: attrs{"max": 0.5}, in: []*Tensor{some(8)}},
		{op: "HardSigmoid", attrs: attrs{"alpha": 0.5, "beta": 0.4}, in: []*Tensor{some(9)}},
		{op: "Gelu", domain: "com.microsoft", in: []*Tensor{some(9)}},
		{op: "QuickGelu", domain: "com.microsoft", in: []*Tensor{some(9)}},
	}...)
}

func pairChecks() []check {
	shapes := [][2][]int{{{3, 4}, {3, 4}}, {{2, 3, 4}, {4}}, {{2, 1, 4}, {3, 1}}, {{5}, {}}, {{1, 3, 1, 1}, {2, 3, 2, 2}}}
	var all []check
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"} {
		for _, s := range shapes {
			a, b := between(0.6, 2.5, s[0]...), between(0.7, 2.3, s[1]...)
			if op == "Max" || op == "Min" { // numbers that are not near each other
				b = times32(b, 1.0137)
			}
			all = append(all, check{op: op, in: []*Tensor{a, b}})
		}
	}
	return append(all, []check{
		{op: "PRelu", in: []*Tensor{some(2, 3, 4), between(0.1, 0.4, 3, 1)}},
		{op: "Pow", in: []*Tensor{some(6), int1(2)}},
		{op: "Pow", in: []*Tensor{between(-1, -3, 6), single(3)}, fixed: []int{1}},
		{op: "Mul", in: []*Tensor{some(4, 5), some(4, 5)}},
		{op: "Sum", in: []*Tensor{some(4, 5), some(5), some(4, 1)}},
		{op: "Max", in: []*Tensor{some(4, 5), between(-1.9, 2.1, 5), between(-2.2, 1.8, 4, 1)}},
		{op: "Add", version: 6, attrs: attrs{"broadcast": 1, "axis": 1}, in: []*Tensor{some(2, 3, 4), some(3)}},
	}...)
}

func movingChecks() []check {
	x := func() *Tensor { return some(2, 3, 4) }
	return []check{
		{op: "Identity", in: []*Tensor{x()}}, {op: "Dropout", in: []*Tensor{x()}}, {op: "Flatten", in: []*Tensor{x()}},
		{op: "Reshape", in: []*Tensor{x(), ints(4, -1)}}, {op: "Squeeze", in: []*Tensor{some(2, 1, 3), ints(1)}}, {op: "Unsqueeze", in: []*Tensor{x(), ints(0)}},
		{op: "Cast", attrs: attrs{"to": 1}, in: []*Tensor{x()}}, {op: "CastLike", version: 19, in: []*Tensor{x(), some(1)}, fixed: []int{1}},
		{op: "Transpose", attrs: attrs{"perm": []int{2, 0, 1}}, in: []*Tensor{x()}}, {op: "Transpose", in: []*Tensor{x()}},
		{op: "Split", attrs: attrs{"axis": 2}, in: []*Tensor{x(), ints(1, 3)}, outputs: 2},
		{op: "Split", attrs: attrs{"axis": 1}, in: []*Tensor{x(), ints(1, 1, 1)}, outputs: 3, silent: []int{1}},
		{op: "Slice", in: []*Tensor{x(), ints(-1, 1), ints(-4, 4), ints(1, 2), ints(-1, 2)}},
		{op: "Tile", in: []*Tensor{x(), ints(2, 1, 3)}}, {op: "Expand", in: []*Tensor{some(3, 1), ints(2, 3, 4)}},
		{op: "Gather", attrs: attrs{"axis": 1}, in: []*Tensor{x(), ints(2, 0, 2)}}, {op: "Gather", in: []*Tensor{x(), int1(1)}},
		{op: "GatherElements", in: []*Tensor{some(3, 2), shaped(ints(0, 2, 2, 2), 2, 2)}},
		{op: "GatherND", in: []*Tensor{x(), shaped(ints(0, 1, 1, 2), 2, 2)}},
		{op: "DepthToSpace", attrs: attrs{"blocksize": 2}, in: []*Tensor{some(1, 4, 2, 3)}}, {op: "SpaceToDepth", attrs: attrs{"blocksize": 2}, in: []*Tensor{some(1, 2, 2, 4)}},
		{op: "Trilu", in: []*Tensor{some(2, 3, 3)}}, {op: "Compress", attrs: attrs{"axis": 1}, in: []*Tensor{x(), bools(true, false, true)}},
		{op: "ReverseSequence", attrs: attrs{"time_axis": 0, "batch_axis": 1}, in: []*Tensor{some(4, 2), ints(3, 2)}},
		{op: "Concat", attrs: attrs{"axis": 1}, in: []*Tensor{some(2, 3), some(2, 1), some(2, 4)}},
		{op: "Where", in: []*Tensor{bools(true, false, true), some(2, 3), some(2, 1)}},
		{op: "Pad", in: []*Tensor{some(2, 3), ints(1, 0, 0, 2), single(0.5)}, fixed: []int{2}},
		{op: "Pad", version: 10, attrs: attrs{"pads": []int{1, 1}, "value": 1.0}, in: []*Tensor{some(3)}},
		{op: "Pad", attrs: attrs{"mode": "reflect"}, in: []*Tensor{some(2, 4), ints(0, 2, 0, 1)}},
		{op: "ScatterElements", in: []*Tensor{some(3, 2), shaped(ints(2, 0), 1, 2), some(1, 2)}},
		{op: "ScatterND", in: []*Tensor{some(3, 2), shaped(ints(2, 0), 2, 1), some(2, 2)}},
		{op: "Resize", in: []*Tensor{some(1, 2, 3, 2), nil, nil, ints(1, 2, 5, 4)}},
		{op: "Upsample", version: 9, in: []*Tensor{some(1, 2, 2, 2), factors(1, 1, 2, 3)}, fixed: []int{1}},
	}
}

func foldingChecks() []check {
	var all []check
	for _, op := range []string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd"} {
		lo := -2.0
		if op == "ReduceLogSum" || op == "ReduceProd" {
			lo = 0.5
		}
		all = append(all, check{op: op, version: 18, in: []*Tensor{between(lo, 2.1, 2, 3, 4), ints(-1, 0)}},
			check{op: op, version: 18, attrs: attrs{"keepdims": 0}, in: []*Tensor{between(lo, 2.1, 2, 3, 2), ints(1)}},
			check{op: op, version: 11, attrs: attrs{"axes": []int{1}}, in: []*Tensor{between(lo, 2.1, 2, 3)}})
	}
	return append(all, []check{
		{op: "ReduceMax", attrs: attrs{"noop_with_empty_axes": 1}, in: []*Tensor{some(2, 3)}},
		{op: "ReduceSum", in: []*Tensor{some(2, 3)}}, {op: "ReduceSum", attrs: attrs{"noop_with_empty_axes": 1}, in: []*Tensor{some(2, 3)}},
		{op: "GlobalAveragePool", in: []*Tensor{some(2, 3, 2, 4)}}, {op: "GlobalMaxPool", in: []*Tensor{some(2, 3, 2, 4)}},
		{op: "Softmax", in: []*Tensor{some(2, 3, 4)}}, {op: "Softmax", attrs: attrs{"axis": 1}, in: []*Tensor{some(2, 3, 4)}},
		{op: "Softmax", version: 11, in: []*Tensor{some(2, 3, 4)}}, {op: "LogSoftmax", attrs: attrs{"axis": 0}, in: []*Tensor{some(3, 4)}},
		{op: "LogSoftmax", in: []*Tensor{some(3, 4)}},
	}...)
}

func normChecks() []check {
	var all []check
	for _, training := range []int{0, 1} {
		for _, shape := range [][]int{{4, 3, 2, 3}, {6, 3}} {
			c := check{op: "BatchNormalization", attrs: attrs{"training_mode": training, "epsilon": 0.01},
				in: []*Tensor{some(shape...), between(0.5, 2, 3), some(3), some(3), between(0.5, 2, 3)}}
			if training == 1 {
				c.fixed = []int{3, 4}
			}
			all = append(all, c)
		}
	}
	return append(all, []check{
		{op: "LayerNormalization", in: []*Tensor{some(3, 5), some(5), some(5)}}, {op: "LayerNormalization", attrs: attrs{"axis": 1}, in: []*Tensor{some(2, 3, 2), some(3, 2), nil}},
		{op: "RMSNormalization", version: 23, in: []*Tensor{some(3, 5), some(5)}}, {op: "SimplifiedLayerNormalization", in: []*Tensor{some(3, 5), some(5)}},
		{op: "InstanceNormalization", in: []*Tensor{some(2, 3, 4), some(3), some(3)}},
		{op: "GroupNormalization", version: 18, attrs: attrs{"num_groups": 2}, in: []*Tensor{some(2, 4, 3), some(2), some(2)}},
		{op: "GroupNormalization", version: 21, attrs: attrs{"num_groups": 2}, in: []*Tensor{some(2, 4, 3), some(4), some(4)}},
	}...)
}

func productChecks() []check {
	return []check{
		{op: "Gemm", in: []*Tensor{some(3, 4), some(4, 5), some(5)}},
		{op: "Gemm", attrs: attrs{"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}, in: []*Tensor{some(4, 3), some(5, 4), some(3, 1)}},
		{op: "Gemm", attrs: attrs{"transB": 1}, in: []*Tensor{some(3, 4), some(5, 4)}},
		{op: "MatMul", in: []*Tensor{some(3, 4), some(4, 5)}}, {op: "MatMul", in: []*Tensor{some(2, 3, 4), some(4, 5)}},
		{op: "MatMul", in: []*Tensor{some(2, 3, 3, 4), some(2, 3, 4, 2)}}, {op: "MatMul", in: []*Tensor{some(2, 1, 3, 4), some(3, 4, 2)}},
		{op: "MatMul", in: []*Tensor{some(4), some(4, 2)}}, {op: "MatMul", in: []*Tensor{some(2, 3, 4), some(4)}}, {op: "MatMul", in: []*Tensor{some(4), some(4)}},
		{op: "MatMul", in: []*Tensor{some(4), some(2, 4, 3)}},
		{op: "FusedMatMul", domain: "com.microsoft", attrs: attrs{"transA": 1, "alpha": 0.5}, in: []*Tensor{some(2, 4, 3), some(2, 4, 5)}},
		{op: "FusedMatMul", domain: "com.microsoft", attrs: attrs{"transB": 1}, in: []*Tensor{some(2, 3, 4), some(5, 4)}},
	}
}

func windowChecks() []check {
	return []check{
		{op: "Conv", in: []*Tensor{some(2, 3, 5, 4), some(4, 3, 3, 2), some(4)}},
		{op: "Conv", attrs: attrs{"pads": []int{1, 0, 2, 1}, "strides": []int{2, 1}, "dilations": []int{1, 2}, "group": 2}, in: []*Tensor{some(2, 4, 6, 5), some(6, 2, 3, 2), some(6)}},
		{op: "Conv", in: []*Tensor{some(3, 2, 7), some(3, 2, 3)}, attrs: attrs{"auto_pad": "SAME_UPPER", "strides": []int{2}}},
		{op: "Conv", in: []*Tensor{some(1, 2, 3, 3, 3), some(2, 2, 2, 2, 2), some(2)}}, {op: "Conv", in: []*Tensor{some(2, 3, 4, 4), some(5, 3, 1, 1), some(5)}},
		{op: "Conv", attrs: attrs{"strides": []int{2, 2}}, in: []*Tensor{some(2, 3, 2, 2), some(4, 3, 1, 1)}},
		{op: "Conv", attrs: attrs{"group": 3, "pads": []int{1, 1, 1, 1}}, in: []*Tensor{some(18, 3, 3, 3), some(3, 1, 3, 3), some(3)}},
		{op: "ConvTranspose", in: []*Tensor{some(2, 3, 3, 2), some(3, 2, 3, 3), some(2)}},
		{op: "ConvTranspose", attrs: attrs{"group": 2, "strides": []int{2, 3}, "pads": []int{1, 0, 0, 1}, "output_padding": []int{1, 0}, "dilations": []int{1, 2}},
			in: []*Tensor{some(2, 4, 3, 2), some(4, 3, 2, 2), some(6)}},
		{op: "ConvTranspose", in: []*Tensor{some(1, 2, 5), some(2, 3, 2)}, attrs: attrs{"strides": []int{2}}},
		{op: "MaxPool", attrs: attrs{"kernel_shape": []int{2, 3}, "strides": []int{2, 1}, "pads": []int{0, 1, 1, 0}}, in: []*Tensor{some(2, 3, 5, 4)}},
		{op: "MaxPool", attrs: attrs{"kernel_shape": []int{2}, "storage_order": 1}, in: []*Tensor{some(2, 2, 6)}},
		{op: "AveragePool", attrs: attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}, "pads": []int{1, 0, 0, 1}}, in: []*Tensor{some(2, 3, 4, 5)}},
		{op: "AveragePool", attrs: attrs{"kernel_shape": []int{3}, "pads": []int{1, 1}, "count_include_pad": 1, "ceil_mode": 1, "strides": []int{2}}, in: []*Tensor{some(2, 2, 6)}},
	}
}

func recurrentChecks() []check {
	const steps, batch, in, hidden = 4, 3, 2, 3
	small := func(shape ...int) *Tensor { return between(-0.7, 0.8, shape...) }
	var all []check
	for _, kind := range []struct {
		op      string
		gates   int
		outputs int
	}{{"RNN", 1, 2}, {"GRU", 3, 2}, {"LSTM", 4, 3}} {
		for _, direction := range []string{"forward", "reverse", "bidirectional"} {
			ways := 1
			if direction == "bidirectional" {
				ways = 2
			}
			for _, linear := range []int{0, 1} {
				c := check{op: kind.op, outputs: kind.outputs, attrs: attrs{"direction": direction, "hidden_size": hidden, "linear_before_reset": linear},
					in: []*Tensor{small(steps, batch, in), small(ways, kind.gates*hidden, in), small(ways, kind.gates*hidden, hidden), small(ways, 2*kind.gates*hidden), nil, small(ways, batch, hidden)}}
				if kind.op == "LSTM" {
					c.in = append(c.in, small(ways, batch, hidden))
				}
				if kind.op == "GRU" || linear == 0 {
					all = append(all, c)
				}
			}
		}
		all = append(all, check{op: kind.op, attrs: attrs{"hidden_size": hidden, "layout": 1},
			in: []*Tensor{small(batch, steps, in), small(1, kind.gates*hidden, in), small(1, kind.gates*hidden, hidden)}})
	}
	return append(all, check{op: "GRU", outputs: 2, attrs: attrs{"hidden_size": hidden, "direction": "bidirectional"},
		in: []*Tensor{small(steps, batch, in), small(2, 3*hidden, in), small(2, 3*hidden, hidden), nil, lengths(4, 2, 3)}},
		check{op: "RNN", attrs: attrs{"hidden_size": hidden, "activations": []string{"Sigmoid"}}, outputs: 2, silent: []int{0},
			in: []*Tensor{small(steps, batch, in), small(1, hidden, in), small(1, hidden, hidden), small(1, 2*hidden)}})
}
