package permspec

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseLayout reads the text that Layout.String writes. The empty text is the
// layout of a scalar.
func ParseLayout(text string) (Layout, error) {
	p := &parser{text: text}
	var l Layout
	for p.skip(); p.pos < len(p.text); p.skip() {
		a, err := p.axis()
		if err != nil {
			return nil, fmt.Errorf("permspec: layout %q: %w", text, err)
		}
		l = append(l, a)
	}
	return l, nil
}

// maxNesting bounds the parentheses of a layout; real ones nest twice or
// thrice.
const maxNesting = 64

type parser struct {
	text  string
	pos   int
	depth int
}

func (p *parser) skip() {
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) take(c byte) error {
	if p.peek() != c {
		return p.unexpected(fmt.Sprintf("%q", c))
	}
	p.pos++
	return nil
}

func (p *parser) unexpected(want string) error {
	if p.pos >= len(p.text) {
		return fmt.Errorf("want %s at the end", want)
	}
	return fmt.Errorf("want %s at position %d, found %q", want, p.pos, p.text[p.pos])
}

// axis = term {"+" term}
func (p *parser) axis() (Axis, error) {
	var a Axis
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		a = append(a, t...)
		if p.peek() != '+' {
			return a, nil
		}
		p.pos++
	}
}

// term = "1" | "(" axis {" " axis} ")" | factor; a parenthesis that holds one
// axis is that axis itself.
func (p *parser) term() (Axis, error) {
	if p.peek() != '(' {
		if p.peek() == '1' && !isWord(p.at(1)) {
			p.pos++
			return Axis{Term{}}, nil
		}
		f, err := p.factor()
		return Axis{Term{f}}, err
	}
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	p.pos++
	var parts []Axis
	for p.skip(); p.peek() != ')'; p.skip() {
		a, err := p.axis()
		if err != nil {
			return nil, err
		}
		parts = append(parts, a)
	}
	p.pos++
	p.depth--
	switch len(parts) {
	case 0:
		return nil, fmt.Errorf("empty parentheses before position %d", p.pos)
	case 1:
		return parts[0], nil
	}
	var t Term
	for _, a := range parts {
		if len(a) == 1 {
			t = append(t, a[0]...)
		} else {
			t = append(t, Factor{Sum: a})
		}
	}
	if len(t) == 1 && t[0].Sum != nil { // (1 (a+b)) is a+b
		return t[0].Sum, nil
	}
	return Axis{t}, nil
}

func (p *parser) at(offset int) byte {
	if p.pos+offset < len(p.text) {
		return p.text[p.pos+offset]
	}
	return 0
}

// factor = "#" size | "#" name | name ["#" size | "[" name "=" slot "]"] |
// "{" name ":" factor {"|" factor} "}"
func (p *parser) factor() (Factor, error) {
	switch c := p.peek(); {
	case c == '#':
		p.pos++
		w := p.word()
		if w == "" {
			return Factor{}, p.unexpected("a size or a name after #")
		}
		if w[0] >= '0' && w[0] <= '9' {
			n, err := size(w)
			return Factor{Size: n, Frozen: true}, err
		}
		return Factor{Name: w, Frozen: true}, nil
	case c == '{':
		return p.choice()
	}
	f := Factor{Name: p.word()}
	if f.Name == "" {
		return f, p.unexpected("a name")
	}
	if c := f.Name[0]; c >= '0' && c <= '9' {
		return f, fmt.Errorf("name %q begins with a digit", f.Name)
	}
	var err error
	switch p.peek() {
	case '#':
		p.pos++
		f.Frozen = true
		f.Size, err = size(p.word())
	case '[':
		p.pos++
		f.Sel = true
		if f.By = p.word(); f.By == "" {
			return f, p.unexpected("a name after [")
		}
		if err = p.take('='); err == nil {
			if f.Slot, err = p.number(); err == nil {
				err = p.take(']')
			}
		}
	}
	return f, err
}

func (p *parser) choice() (Factor, error) {
	if p.depth++; p.depth > maxNesting {
		return Factor{}, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	p.pos++
	f := Factor{By: p.word()}
	if f.By == "" {
		return f, p.unexpected("a name after {")
	}
	if err := p.take(':'); err != nil {
		return f, err
	}
	for {
		a, err := p.axis()
		if err != nil {
			return f, err
		}
		m := Factor{Sum: a}
		if len(a) == 1 && len(a[0]) == 1 {
			m = a[0][0]
		}
		f.Pick = append(f.Pick, m)
		if p.peek() != '|' {
			return f, p.take('}')
		}
		p.pos++
	}
}

// size reads the number of slots of a frozen factor.
func size(w string) (int, error) {
	n, err := strconv.Atoi(w)
	if err != nil || n < 1 || n > 1<<40 {
		return 0, fmt.Errorf("%q is not a number of slots", w)
	}
	return n, nil
}

func (p *parser) number() (int, error) {
	w := p.word()
	n, err := strconv.Atoi(w)
	if err != nil {
		return 0, p.unexpected("a number")
	}
	return n, nil
}

func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func isWord(c byte) bool {
	return c == '_' || c == '\'' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Signature relates the axes of a node's inputs and outputs. Permuting a named
// atom everywhere it stands permutes the outputs in the same way; a name on
// inputs only is summed over; an atom written with # keeps its order. Outputs
// beyond the node's own are the sums the operator takes along the way.
type Signature struct {
	In, Out []Layout
	Free    map[int]bool // inputs, written ~, that do not take part
}

// ParseSignature reads text such as "i k, j k, j -> i j".
func ParseSignature(text string) (Signature, error) {
	left, right, ok := strings.Cut(text, "->")
	if !ok {
		return Signature{}, fmt.Errorf("permspec: signature %q: want an arrow", text)
	}
	s := Signature{Free: map[int]bool{}}
	for i, part := range operands(left) {
		if part == "~" {
			s.Free[i] = true
			part = ""
		}
		l, err := ParseLayout(part)
		if err != nil {
			return s, err
		}
		s.In = append(s.In, l)
	}
	for _, part := range operands(right) {
		l, err := ParseLayout(part)
		if err != nil {
			return s, err
		}
		s.Out = append(s.Out, l)
	}
	return s, nil
}

func operands(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) == 1 && parts[0] == "" {
		return nil
	}
	return parts
}

// String returns the signature as ParseSignature reads it.
func (s Signature) String() string {
	list := func(ls []Layout, free map[int]bool) string {
		parts := make([]string, len(ls))
		for i, l := range ls {
			if parts[i] = l.String(); free[i] {
				parts[i] = "~"
			}
		}
		return strings.Join(parts, ", ")
	}
	return strings.TrimSpace(list(s.In, s.Free) + " -> " + list(s.Out, nil))
}
