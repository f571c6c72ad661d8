package kernel

import (
	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// cell computes one step of one example.
type cell struct {
	*recurrent
	acts    []func(d, x []float32)
	weights *recurrentWeights
	hidden  int
	temp    []float32
}

// step updates the state h, and c of an LSTM. x are the gates' sums of the
// input and back those of the state; both are overwritten.
func (u *cell) step(x, back, h, c []float32) {
	switch u.op {
	case "LSTM":
		addTo(x, back)
		u.lstm(x, h, c)
	case "GRU":
		u.gru(x, back, h)
	default:
		addTo(x, back)
		u.bound(x)
		u.acts[0](h, x)
	}
}

// lstm computes, with the gates in the order i, o, f, c:
//
//	i = f(x_i + P_i·C)   f = f(x_f + P_f·C)   c = g(x_c)
//	C = f·C + i·c        o = f(x_o + P_o·C)   h = o·h(C)
func (u *cell) lstm(x, h, c []float32) {
	n := u.hidden
	in, out, forget, fresh := x[:n], x[n:2*n], x[2*n:3*n], x[3*n:4*n]
	p := u.weights.peep
	if p != nil {
		addProduct(in, p[:n], c)
		addProduct(forget, p[2*n:], c)
	}
	u.bound(in)
	u.acts[0](in, in)
	if u.coupled {
		for i, v := range in {
			forget[i] = 1 - v
		}
	} else {
		u.bound(forget)
		u.acts[0](forget, forget)
	}
	u.bound(fresh)
	u.acts[1](fresh, fresh)
	for i := range c {
		c[i] = forget[i]*c[i] + in[i]*fresh[i]
	}
	if p != nil {
		addProduct(out, p[n:2*n], c)
	}
	u.bound(out)
	u.acts[0](out, out)
	u.acts[2](u.temp[:n], c)
	for i := range h {
		h[i] = out[i] * u.temp[i]
	}
}

// gru computes, with the gates in the order z, r, h:
//
//	z = f(x_z + R_z·H)   r = f(x_r + R_r·H)
//	h = g(x_h + R_h·(r·H) + b) or, linear before reset, g(x_h + r·(R_h·H + b))
//	H = (1-z)·h + z·H
func (u *cell) gru(x, back, h []float32) {
	n := u.hidden
	z, r, fresh := x[:n], x[n:2*n], x[2*n:]
	addTo(x[:2*n], back)
	u.bound(x[:2*n])
	u.acts[0](x[:2*n], x[:2*n])
	if u.linear {
		addProduct(fresh, r, back[2*n:])
	} else {
		reset := u.temp[:n]
		for i, v := range h {
			reset[i] = r[i] * v
		}
		var bias []float32
		if u.weights.rb != nil {
			bias = u.weights.rb[2*n:]
		}
		f32.GemmPacked(1, 1, reset, n, u.weights.last, 1, fresh, n, f32.Epilogue{ColBias: bias})
	}
	u.bound(fresh)
	u.acts[1](fresh, fresh)
	for i := range h {
		h[i] = (1-z[i])*fresh[i] + z[i]*h[i]
	}
}

// bound clips the sums that an activation gets, if the layer asks for it.
func (u *cell) bound(x []float32) {
	if u.clip > 0 {
		for i, v := range x {
			x[i] = min(max(v, -u.clip), u.clip)
		}
	}
}

func addTo(d, x []float32) {
	for i := range d {
		d[i] += x[i]
	}
}

func addProduct(d, a, b []float32) {
	for i := range d {
		d[i] += a[i] * b[i]
	}
}

// takeParams takes an activation's parameters off the front of the layer's
// lists, which hold values for those functions only that have parameters.
func takeParams(op string, params map[string][]float32) map[string]onnxgraph.Attr {
	attrs := make(map[string]onnxgraph.Attr)
	for _, name := range activationParams[op] {
		if list := params[name]; len(list) > 0 {
			attrs[name] = onnxgraph.Attr{Kind: onnxgraph.AttrFloat, Float: list[0]}
			params[name] = list[1:]
		}
	}
	return attrs
}
