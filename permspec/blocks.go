package permspec

import (
	"fmt"
	"slices"
)

// coordinate is a digit of a box before its name is resolved: an atom, a frozen
// factor, or a choice that hangs on another coordinate.
type coordinate struct {
	Factor
	axis   int
	size   int64
	stride int64
	around []int // the terms of sums that it stands in, outermost first
}

// box is a strided box of elements.
type box struct {
	offset int64
	digits []coordinate
}

// blocksOf cuts a tensor of the given shape into the boxes that its layout
// describes. groups maps the names of the free atoms to their indices.
func blocksOf(l Layout, shape []int64, groups []Group, index map[string]int) ([]Block, error) {
	if len(l) != len(shape) {
		return nil, fmt.Errorf("the layout %q has %d axes, the weight %d", l, len(l), len(shape))
	}
	sizes := func(name string) int64 {
		if i, ok := index[name]; ok {
			return int64(groups[i].Size)
		}
		return -1
	}
	c := cutter{sizes: sizes}
	boxes := []box{{}}
	stride := int64(1)
	for k := len(l) - 1; k >= 0; k-- {
		n := axisSize(l[k], sizes)
		if n != shape[k] {
			return nil, fmt.Errorf("axis %d of the layout %q has %d slots, that of the weight %d", k, l, n, shape[k])
		}
		boxes = cross(c.axis(l[k], k, stride, nil), boxes)
		stride *= shape[k]
	}
	var err error
	if boxes, err = c.choose(boxes); err != nil {
		return nil, fmt.Errorf("layout %q: %w", l, err)
	}
	blocks := make([]Block, len(boxes))
	for i, b := range boxes {
		if blocks[i], err = b.block(groups, index); err != nil {
			return nil, fmt.Errorf("layout %q: %w", l, err)
		}
	}
	return blocks, nil
}

func axisSize(a Axis, sizes func(string) int64) int64 {
	total := int64(0)
	for _, t := range a {
		total += termSize(t, sizes)
	}
	return total
}

func termSize(t Term, sizes func(string) int64) int64 {
	total := int64(1)
	for _, f := range t {
		total *= factorSize(f, sizes)
	}
	return total
}

func factorSize(f Factor, sizes func(string) int64) int64 {
	switch {
	case f.Sum != nil:
		return axisSize(f.Sum, sizes)
	case f.Pick != nil:
		return factorSize(f.Pick[0], sizes)
	case f.Frozen:
		return int64(f.Size)
	}
	return sizes(f.Name)
}

// cutter cuts layouts into boxes.
type cutter struct {
	sizes func(name string) int64
	terms int // of sums, so far
}

// axis lists the boxes of one axis: one for each way through its sums.
func (c *cutter) axis(a Axis, axis int, stride int64, around []int) []box {
	var out []box
	offset := int64(0)
	for _, t := range a {
		inside := around
		if c.terms++; len(a) > 1 {
			inside = append(slices.Clone(around), c.terms)
		}
		boxes := []box{{offset: offset * stride}}
		inner := stride
		for i := len(t) - 1; i >= 0; i-- {
			f := t[i]
			n := factorSize(f, c.sizes)
			if f.Sum != nil {
				boxes = cross(c.axis(f.Sum, axis, inner, inside), boxes)
			} else {
				boxes = cross([]box{{digits: []coordinate{{f, axis, n, inner, inside}}}}, boxes)
			}
			inner *= n
		}
		out = append(out, boxes...)
		offset += termSize(t, c.sizes)
	}
	return out
}

// cross combines the boxes of slower coordinates with those of faster ones.
func cross(slow, fast []box) []box {
	out := make([]box, 0, len(slow)*len(fast))
	for _, s := range slow {
		for _, f := range fast {
			out = append(out, box{s.offset + f.offset, slices.Concat(s.digits, f.digits)})
		}
	}
	return out
}

// choose resolves choices: a box is cut along the coordinate that a choice
// hangs on, one box for each slot.
func (c *cutter) choose(boxes []box) ([]box, error) {
	var out []box
	for len(boxes) > 0 {
		b := boxes[0]
		boxes = boxes[1:]
		at := slices.IndexFunc(b.digits, func(d coordinate) bool { return d.Pick != nil })
		if at < 0 {
			out = append(out, b)
			continue
		}
		over, ok := b.partner(at, b.digits[at].By)
		if !ok || b.digits[over].size != int64(len(b.digits[at].Pick)) {
			return nil, fmt.Errorf("no single %q of %d slots goes with %q", b.digits[at].By, len(b.digits[at].Pick), b.digits[at].Factor)
		}
		for _, p := range b.digits[at].Pick {
			if factorSize(p, c.sizes) != b.digits[at].size {
				return nil, fmt.Errorf("the members of %q differ in size", b.digits[at].Factor)
			}
		}
		boxes = append(c.cut(b, over), boxes...)
	}
	return out, nil
}

// cut fixes coordinate over at each of its slots.
func (c *cutter) cut(b box, over int) []box {
	var out []box
	for k := range b.digits[over].size {
		boxes := []box{{offset: b.offset + k*b.digits[over].stride}}
		for i, d := range b.digits {
			if i == over {
				continue
			}
			if p, ok := b.partner(i, d.By); d.Pick != nil && ok && p == over {
				d.Factor = d.Pick[k]
			}
			part := []box{{digits: []coordinate{d}}}
			if d.Sum != nil {
				part = c.axis(d.Sum, d.axis, d.stride, d.around)
			}
			boxes = cross(boxes, part)
		}
		out = append(out, boxes...)
	}
	return out
}

// partner finds the coordinate called name that goes with coordinate i: the
// only one on the same axis, or else the only one at all, of those that have a
// slot wherever coordinate i has one.
func (b box) partner(i int, name string) (int, bool) {
	x := b.digits[i]
	var near, far []int
	for j, d := range b.digits {
		if j == i || d.Name != name || d.Pick != nil || !startsWith(x.around, d.around) {
			continue
		}
		far = append(far, j)
		if d.axis == x.axis {
			near = append(near, j)
		}
	}
	switch {
	case len(near) == 1:
		return near[0], true
	case len(near) == 0 && len(far) == 1:
		return far[0], true
	}
	return 0, false
}

func startsWith(x, head []int) bool {
	return len(x) >= len(head) && slices.Equal(x[:len(head)], head)
}

// block gives the coordinates their groups. Neighbouring coordinates that do
// not move become one.
func (b box) block(groups []Group, index map[string]int) (Block, error) {
	out := Block{Offset: b.offset}
	place := make([]int, len(b.digits))
	for i, d := range b.digits {
		g, free := index[d.Name]
		if !free || d.Frozen {
			g = -1
		}
		last := len(out.Digits) - 1
		if g < 0 && last >= 0 && out.Digits[last].Group < 0 && out.Digits[last].Stride == d.stride*d.size {
			out.Digits[last].Size *= int(d.size)
			out.Digits[last].Stride = d.stride
			place[i] = last
			continue
		}
		place[i] = len(out.Digits)
		out.Digits = append(out.Digits, Digit{Group: g, Size: int(d.size), Stride: d.stride})
	}
	for i, d := range b.digits {
		g := out.Digits[place[i]].Group
		if g < 0 {
			continue
		}
		for _, y := range groups[g].Under {
			j, ok := b.partner(i, groups[y].Name)
			if !ok {
				return out, fmt.Errorf("no single %q goes with %q, which is nested in it", groups[y].Name, d.Name)
			}
			out.Digits[place[i]].Under = append(out.Digits[place[i]].Under, place[j])
		}
	}
	return out, nil
}
