package kernel

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// contracting is the table of Einsum.
var contracting = ops{"Einsum": compute(prepareEinsum)}

// indexed is a tensor with a letter for each axis.
type indexed struct {
	labels []rune
	t      *Tensor
}

// einsum is a parsed equation. Capital letters from dots on stand for the axes
// of an ellipsis.
type einsum struct {
	in  []string
	out string
	set bool // the equation names the output
}

func prepareEinsum(n *Node) (Kernel, error) {
	text := strings.ReplaceAll(n.String("equation", ""), " ", "")
	left, right, set := strings.Cut(text, "->")
	e := &einsum{in: strings.Split(left, ","), out: right, set: set}
	for _, term := range append(e.in, e.out) {
		for _, r := range strings.Replace(term, "...", "", 1) {
			if !unicode.IsLetter(r) {
				return nil, fmt.Errorf("equation %q", text)
			}
		}
	}
	return e.run, nil
}

// run joins the operands two by two from the left, summing every letter as soon
// as nobody needs it.
func (e *einsum) run(c *Call) error {
	if len(c.In) != len(e.in) {
		return fmt.Errorf("%d operands for %d terms", len(c.In), len(e.in))
	}
	operands, out, err := e.label(c.In)
	if err != nil {
		return err
	}
	acc := operands[0]
	for i, next := range operands[1:] {
		needed := slices.Clone(out)
		for _, later := range operands[i+2:] {
			needed = append(needed, later.labels...)
		}
		if acc, err = e.join(c, acc, next, needed); err != nil {
			return err
		}
	}
	final, err := e.arrange(c, acc, out, nil)
	if err != nil {
		return err
	}
	y, err := c.New(0, c.In[0].Type, final.t.Shape...)
	if err != nil {
		return err
	}
	copyRegion(c, y, whole(y.Shape), final.t, whole(y.Shape), y.Shape)
	return nil
}

// dots is the letter of an ellipsis's last axis; the axes before it get the
// letters after. No equation can use them: they are no letters.
const dots = 0x110000

// label gives every operand's axes their letters, and lists those of the result.
func (e *einsum) label(in []*Tensor) (operands []indexed, out []rune, err error) {
	count, widest := make(map[rune]int), 0
	for i, term := range e.in {
		if err := sameType(in[i], in[0]); err != nil {
			return nil, nil, err
		}
		labels, wide, err := expand(term, len(in[i].Shape))
		if err != nil {
			return nil, nil, err
		}
		widest = max(widest, wide)
		for _, r := range labels {
			count[r]++
		}
		operands = append(operands, indexed{labels, in[i]})
	}
	if e.set {
		out, _, err = expand(e.out, len([]rune(strings.Replace(e.out, "...", "", 1)))+widest*strings.Count(e.out, "..."))
		for _, r := range out {
			if count[r] == 0 {
				return nil, nil, fmt.Errorf("the result's letter %c is in no term", r)
			}
		}
		return operands, out, err
	}
	for i := widest; i > 0; i-- {
		out = append(out, rune(dots+i-1))
	}
	var letters []rune
	for r, n := range count {
		if n == 1 && r < dots {
			letters = append(letters, r)
		}
	}
	slices.Sort(letters)
	return operands, append(out, letters...), nil
}

// expand lists the letters of a term for a tensor of the given rank, and the
// number of axes its ellipsis stands for.
func expand(term string, rank int) (labels []rune, wide int, err error) {
	before, after, ellipsis := strings.Cut(term, "...")
	labels = []rune(before)
	if wide = rank - len(labels) - len([]rune(after)); wide < 0 || wide > 0 && !ellipsis {
		return nil, 0, fmt.Errorf("term %q for a tensor of rank %d", term, rank)
	}
	for i := wide; i > 0; i-- {
		labels = append(labels, rune(dots+i-1))
	}
	return append(labels, []rune(after)...), wide, nil
}

// join multiplies two operands as a batch of matrix products.
func (e *einsum) join(c *Call, a, b indexed, needed []rune) (indexed, error) {
	var batch, sum, left, right []rune
	size := make(map[rune]int)
	for _, x := range []indexed{a, b} {
		for i, r := range x.labels {
			if n, ok := size[r]; !ok || n == 1 {
				size[r] = x.t.Shape[i]
			}
		}
	}
	for _, r := range unique(a.labels) {
		switch inB, need := slices.Contains(b.labels, r), slices.Contains(needed, r); {
		case inB && need:
			batch = append(batch, r)
		case inB:
			sum = append(sum, r)
		case need:
			left = append(left, r)
		}
	}
	for _, r := range unique(b.labels) {
		if !slices.Contains(a.labels, r) && slices.Contains(needed, r) {
			right = append(right, r)
		}
	}
	x, err := e.arrange(c, a, slices.Concat(batch, left, sum), size)
	if err != nil {
		return a, err
	}
	y, err := e.arrange(c, b, slices.Concat(batch, sum, right), size)
	if err != nil {
		return a, err
	}
	times := func(labels []rune) int {
		n := 1
		for _, r := range labels {
			n *= size[r]
		}
		return n
	}
	k := times(sum)
	sub := c.sub(&Tensor{Type: x.t.Type, Shape: []int{times(batch), times(left), k}, Data: x.t.Data},
		&Tensor{Type: y.t.Type, Shape: []int{times(batch), k, times(right)}, Data: y.t.Data})
	if err := (&matMul{alpha: 1}).run(sub); err != nil {
		return a, err
	}
	c.scratch = append(c.scratch, sub.Out[0])
	labels := slices.Concat(batch, left, right)
	shape := make([]int, len(labels))
	for i, r := range labels {
		shape[i] = size[r]
	}
	return indexed{labels, &Tensor{Type: x.t.Type, Shape: shape, Data: sub.Out[0].Data}}, nil
}

func unique(labels []rune) []rune {
	var out []rune
	for _, r := range labels {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// arrange returns a with the axes of want in that order: repeated letters take
// the diagonal, letters not wanted are summed, and size stretches axes of 1.
func (e *einsum) arrange(c *Call, a indexed, want []rune, size map[rune]int) (indexed, error) {
	from := strides(a.t.Shape)
	step, dim := make(map[rune]int), make(map[rune]int)
	for i, r := range a.labels {
		if n, ok := dim[r]; ok && n != a.t.Shape[i] {
			return a, fmt.Errorf("letter %c stands for %d and %d", r, n, a.t.Shape[i])
		}
		dim[r] = a.t.Shape[i]
		step[r] += from[i]
	}
	var rest []rune
	for _, r := range unique(a.labels) {
		if !slices.Contains(want, r) {
			rest = append(rest, r)
		}
	}
	var walk []int
	var src region
	for i, r := range slices.Concat(want, rest) {
		n, s := dim[r], step[r]
		if wide, ok := size[r]; ok && wide != n && i < len(want) {
			if n != 1 {
				return a, fmt.Errorf("letter %c stands for %d and %d", r, n, wide)
			}
			n, s = wide, 0
		}
		walk, src.strides = append(walk, n), append(src.strides, s)
	}
	v, err := c.Pool.get(a.t.Type, walk)
	if err != nil {
		return a, err
	}
	c.scratch = append(c.scratch, v)
	copyRegion(c, &v.Tensor, whole(walk), a.t, src, walk)
	if len(rest) == 0 {
		return indexed{want, &v.Tensor}, nil
	}
	sub := c.sub(&v.Tensor)
	var axes []int
	for i := range rest {
		axes = append(axes, len(want)+i)
	}
	if err := reduce(sub, "ReduceSum", axes, false); err != nil {
		return a, err
	}
	c.scratch = append(c.scratch, sub.Out[0])
	return indexed{want, &sub.Out[0].Tensor}, nil
}
