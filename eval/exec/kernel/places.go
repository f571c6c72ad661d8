package kernel

// Places is where the windows of a convolution or a pooling lie in a plane, for
// the gradients of these operators.
type Places struct {
	Taps, Out int       // elements of the window, and places that it takes
	At        []int     // the element each tap sees at each place, taps slowest; -1: padding
	Counts    []float64 // what AveragePool divides the sum of each place by
}

// Direct tells whether the window is a single element that walks over all of a
// plane of the given size, so that unfolding the plane does not change it.
func (p *Places) Direct(plane int) bool {
	if p.Taps != 1 || p.Out != plane {
		return false
	}
	for i, at := range p.At {
		if at != i {
			return false
		}
	}
	return true
}

// ConvPlaces returns the places of a Conv over planes of size in.
func ConvPlaces(n *Node, in, kernel []int) (*Places, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	p, err := w.place(in, kernel)
	if err != nil {
		return nil, err
	}
	return p.places(), nil
}

// ConvTransposePlaces returns the places of the convolution that a ConvTranspose
// over planes of size in transposes: its planes are the operator's output.
func ConvTransposePlaces(n *Node, in, kernel []int) (*Places, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	t := &convTranspose{window: w, outPad: n.Ints("output_padding"), outputShape: n.Ints("output_shape")}
	p, err := t.place(in, kernel)
	if err != nil {
		return nil, err
	}
	return p.places(), nil
}

// PoolPlaces returns the places of a pooling over a tensor of the given shape.
func PoolPlaces(n *Node, shape []int) (*Places, error) {
	w, err := windowOf(n)
	if err != nil {
		return nil, err
	}
	p, err := w.placeOver(shape)
	if err != nil {
		return nil, err
	}
	out := p.places()
	out.Counts = p.counts(n.Flag("count_include_pad"))
	return out, nil
}

func (p *placement) places() *Places {
	return &Places{Taps: size(p.kernel), Out: size(p.out), At: p.targets()}
}
