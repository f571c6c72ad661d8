package permspec

import (
	"fmt"
	"slices"
	"testing"
)

// Blocks hold the same groups at the same slots as the layout they are made of,
// element by element.
func TestBlocksFollowLayout(t *testing.T) {
	groups := []Group{{Name: "a", Size: 2}, {Name: "b", Size: 3}, {Name: "c", Size: 4}, {Name: "d", Size: 6}}
	index := map[string]int{"a": 0, "b": 1, "c": 2, "d": 3}
	for text, shape := range map[string][]int64{
		"a b #3":                             {2, 3, 3},
		"(a #2 b)+c+#1 d":                    {17, 6},
		"((a+b) #4) 1":                       {20, 1},
		"A#2 (#4 {A:b|#3}) a":                {2, 12, 2},
		"A#2 {A:d|(a b)}":                    {2, 6},
		"A#2 {A:c|a+#2}":                     {2, 4},
		"({A:(b a)|d} A#2) a":                {12, 2},
		"({B:({A:c|a+#2} A#2)|(a c)} B#2)":   {16},
		"(A#2 ((A#2 #2)+(A#2 #2))) {A:a|#2}": {16, 2},
	} {
		l, err := ParseLayout(text)
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := blocksOf(l, shape, groups, index)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := map[int64][]string{}
		for _, b := range blocks {
			stamp(b, groups, b.Offset, nil, got)
		}
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		for i := range n {
			want := slots{groups: groups, index: index, values: map[string][]int64{}}.of(l, shape, i)
			slices.Sort(got[i])
			if !slices.Equal(got[i], want) {
				t.Errorf("%s: element %d: the block holds %v, the layout %v", text, i, got[i], want)
				break
			}
		}
	}
}

// Layouts that cut a weight into no boxes are refused.
func TestBlocksRefuse(t *testing.T) {
	for text, shape := range map[string][]int64{
		"a":                {3},
		"A#2 {A:a|b}":      {2, 2}, // members of different sizes
		"A#2 {A:a|a|a}":    {2, 2},
		"{A:a|a}":          {2},
		"A#2 A#2 {A:a|#2}": {2, 2, 2},
	} {
		l, err := ParseLayout(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blocksOf(l, shape, []Group{{Name: "a", Size: 2}, {Name: "b", Size: 3}}, map[string]int{"a": 0, "b": 1}); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

// stamp writes the group and slot of every digit to the elements of b.
func stamp(b Block, groups []Group, at int64, held []string, out map[int64][]string) {
	if len(held) < len(b.Digits) {
		d := b.Digits[len(held)]
		for i := range d.Size {
			name := ""
			if d.Group >= 0 {
				name = fmt.Sprint(groups[d.Group].Name, i)
			}
			stamp(b, groups, at+int64(i)*d.Stride, append(slices.Clone(held), name), out)
		}
		return
	}
	out[at] = slices.DeleteFunc(slices.Clone(held), func(s string) bool { return s == "" })
}

// slots finds what stands at one element of a layout, one axis after another.
type slots struct {
	groups  []Group
	index   map[string]int
	values  map[string][]int64 // of every name, outermost first
	choices []choiceAt
	held    []string
}

type choiceAt struct {
	Factor
	slot int64
}

func (s slots) of(l Layout, shape []int64, element int64) []string {
	for k := len(shape) - 1; k >= 0; k-- {
		s.axis(l[k], element%shape[k])
		element /= shape[k]
	}
	for len(s.choices) > 0 {
		c := s.choices[0]
		s.choices = s.choices[1:]
		s.axis(Axis{Term{c.Pick[s.values[c.By][0]]}}, c.slot)
	}
	slices.Sort(s.held)
	return s.held
}

func (s *slots) size(name string) int64 { return int64(s.groups[s.index[name]].Size) }

func (s *slots) axis(a Axis, slot int64) {
	for _, t := range a {
		n := termSize(t, s.size)
		if slot >= n {
			slot -= n
			continue
		}
		for _, f := range t {
			n /= factorSize(f, s.size)
			s.factor(f, slot/n)
			slot %= n
		}
		return
	}
}

func (s *slots) factor(f Factor, slot int64) {
	switch {
	case f.Sum != nil:
		s.axis(f.Sum, slot)
	case f.Pick != nil:
		s.choices = append(s.choices, choiceAt{f, slot})
	default:
		s.values[f.Name] = append(s.values[f.Name], slot)
		if _, free := s.index[f.Name]; free && !f.Frozen {
			s.held = append(s.held, fmt.Sprint(f.Name, slot))
		}
	}
}
