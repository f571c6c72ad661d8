package permspec

import (
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Two readings of an axis agree on an atom where it has the same slot at every
// place. What cannot be told is no.
func TestSameSlots(t *testing.T) {
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
		{"in one only", sum{{a, three}}, sum{{six}}, false},
		{"in a part only", sum{{a, two}, {a}}, sum{{a, three}}, false},
		{"twice at one place", sum{{a, a}}, sum{{a, two}}, false},
		{"of other lengths", sum{{a}}, sum{{a}, {a}}, false},
		{"of unknown length", sum{{free, a}}, sum{{a, free}}, false},
		{"too long to look at", sum{{vast, a}}, sum{{a, vast}}, false},
		{"beside nothing", sum{{none, vast, a}}, sum{{none, free, a}}, false},
	} {
		if got := s.sameSlots(c.x, c.y, a.atom); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
