package kernel

import "github.com/onnx-rebasin/onnx-rebasin/internal/f32"

// maxPoolRows is maxPool for float32 over one or two spatial axes without
// dilation: for every row of the result, the greatest elements of the input's
// rows under the window, by vectors, then the greatest of each window along
// the row.
func maxPoolRows(c *Call, p *placement, d, x []float32) {
	last := len(p.in) - 1
	width, inPlane, outPlane := p.in[last], size(p.in), size(p.out)
	rows := []span{{hi: 1}}
	if last == 1 {
		rows = p.spans(0)
	}
	along := p.spans(last)
	c.lanes(len(d)/outPlane, outPlane+inPlane/8, func(_, lo, hi int) {
		tall := make([]float32, width)
		for ch := lo; ch < hi; ch++ {
			plane, to := x[ch*inPlane:][:inPlane], d[ch*outPlane:][:outPlane]
			for r, s := range rows {
				row := to[r*p.out[last]:][:p.out[last]]
				if s.hi <= s.lo {
					fillWords(row, least[float32]()) // all of the window is padding
					continue
				}
				source := plane[s.at*width:][:width]
				for k := s.at + 1; k < s.at+s.hi-s.lo; k++ {
					f32.Greater(tall, source, plane[k*width:][:width])
					source = tall
				}
				p.greatest(row, source, along)
			}
		}
	})
}

// greatest sets d to the greatest element of each window along a row.
func (p *placement) greatest(d, x []float32, along []span) {
	last := len(p.in) - 1
	kernel, stride := p.kernel[last], p.stride[last]
	whole := 0 // windows from the row's start on that lie inside it
	if p.before[last] == 0 && len(x) >= kernel {
		whole = min(len(d), (len(x)-kernel)/stride+1)
	}
	done := 0
	if kernel >= 2 && stride == 2 && whole > 0 {
		done = whole
		f32.GreaterOfPairs(d[:whole], x[:2*whole])
		for k := 2; k < kernel; k++ {
			for i := range whole {
				d[i] = max(d[i], x[2*i+k])
			}
		}
	}
	for i, s := range along[done:] {
		most := least[float32]()
		for k := s.at; k < s.at+s.hi-s.lo; k++ {
			most = max(most, x[k])
		}
		d[done+i] = most
	}
}
