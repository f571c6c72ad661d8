package permspec

import (
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Two readings of an axis agree on an atom where it has the same slot at every
// place of both. What cannot be told is no.
func TestAgree(t *testing.T) {
	s := &store{origins: map[*cause][]int{}}
	atom := func(n int64) leaf { return leaf{atom: s.fresh(onnxgraph.Size(n))} }
	a, two, three, six, none := atom(2), atom(2), atom(3), atom(6), atom(0)
	vast, free := atom(1_000_000_000_000), leaf{atom: s.fresh(onnxgraph.Symbol("n"))}
	for _, c := range []struct {
		name string
		x, y sum
		want bool
	}{
		{"one reading", sum{{a, three}}, sum{{a, three}}, true},
		{"the same slots in parts", sum{{a, three}}, sum{{a, leaf{sum: sum{{two}, {atom(1)}}}}}, true},
		{"rows and columns", sum{{three, a}}, sum{{a, three}}, false},
		{"in one only", sum{{a, three}}, sum{{six}}, true},
		{"in a part", sum{{a}, {two, two}}, sum{{a}, {atom(4)}}, true},
		{"in a part, otherwise", sum{{a}, {two, two}}, sum{{a, three}}, false},
		{"twice at one place", sum{{a, a}}, sum{{a, two}}, false},
		{"of other lengths", sum{{a}}, sum{{a}, {a}}, false},
		{"of unknown length", sum{{free, a}}, sum{{a, free}}, false},
		{"too long to look at", sum{{vast, a}}, sum{{a, vast}}, false},
		{"beside nothing", sum{{none, vast, a}}, sum{{none, free, a}}, false},
	} {
		if got := s.agree(c.x, c.y, a.atom); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// An atom by which others differ may not stand on one axis of an operand and, in
// the operand's other reading, on another.
func TestConflicts(t *testing.T) {
	sig, err := ParseSignature("(u v) w -> (u v) w")
	if err != nil {
		t.Fatal(err)
	}
	inf := &inference{store: store{origins: map[*cause][]int{}}, blanks: map[int64]int{}}
	fresh := func(n int64) sum { return single(inf.fresh(onnxgraph.Size(n))) }
	teller, three, two, six := fresh(2), fresh(3), fresh(2), fresh(6)
	a := teller[0][0].atom
	inf.atoms[a].over = true
	rows := sum{{teller[0][0], three[0][0]}}
	for _, c := range []struct {
		name string
		own  []sum
		want bool
	}{
		{"read as it is", []sum{rows, two}, false},
		{"laid open by the reading", []sum{six, two}, false},
		{"on another axis", []sum{six, teller}, true},
		{"on both", []sum{rows, teller}, true},
		{"turned", []sum{{{three[0][0], teller[0][0]}}, two}, true},
	} {
		r := relation{sig: sig, env: map[string]sum{"u": teller, "v": three, "w": two}, own: [][]sum{c.own}}
		if got := inf.conflicts(r, 0)[a]; got != c.want {
			t.Errorf("%s: conflict %v", c.name, got)
		}
	}
}
