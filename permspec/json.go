package permspec

import (
	"encoding/json"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Document is the JSON form of a Spec, with stable keys.
type Document struct {
	Groups      int              `json:"groups"`
	FreeSlots   int              `json:"free_slots"`
	Parameters  int64            `json:"parameters"`
	Permutable  int64            `json:"permutable_parameters"`
	Frozen      []FrozenAxis     `json:"frozen"`
	GroupList   []GroupDocument  `json:"group_list,omitempty"`
	LayoutTexts []LayoutDocument `json:"layouts,omitempty"`
}

// FrozenAxis is the JSON form of Frozen.
type FrozenAxis struct {
	Weight string `json:"weight"`
	Axis   int    `json:"axis"`
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// GroupDocument is the JSON form of a Group with the axes where it stands.
type GroupDocument struct {
	Name    string   `json:"name"`
	Size    int      `json:"size"`
	Under   []string `json:"under"`
	Members []Member `json:"members"`
}

// Member is one axis of one weight.
type Member struct {
	Weight string `json:"weight"`
	Axis   int    `json:"axis"`
}

// LayoutDocument is the layout of one weight.
type LayoutDocument struct {
	Weight string  `json:"weight"`
	Shape  []int64 `json:"shape"`
	Layout string  `json:"layout"`
}

// FreeSlots counts the slots that may move; a slot of a nested group counts
// once for each slot of the groups it is under.
func (s *Spec) FreeSlots() int {
	n := 0
	for g := range s.Groups {
		n += s.Groups[g].Size * s.outer(g)
	}
	return n
}

// Permutable counts the floating-point parameters of weights with a free axis.
func (s *Spec) Permutable() int64 {
	n := int64(0)
	for _, w := range s.Weights {
		if w.Weight.Type.IsFloat() {
			n += w.Weight.Elements()
		}
	}
	return n
}

// Summary returns the Document without the lists of groups and layouts.
func (s *Spec) Summary() Document {
	d := Document{Groups: len(s.Groups), FreeSlots: s.FreeSlots(), Parameters: s.Parameters, Permutable: s.Permutable(), Frozen: []FrozenAxis{}}
	for _, f := range s.Frozen {
		d.Frozen = append(d.Frozen, FrozenAxis(f))
	}
	return d
}

// Document returns the whole Spec for JSON.
func (s *Spec) Document() Document {
	d := s.Summary()
	for g := range s.Groups {
		d.GroupList = append(d.GroupList, GroupDocument{s.Groups[g].Name, s.Groups[g].Size, s.underNames(g), s.Members(g)})
	}
	for _, w := range s.Weights {
		d.LayoutTexts = append(d.LayoutTexts, LayoutDocument{w.Weight.Name, w.Weight.Shape, w.Layout.String()})
	}
	return d
}

func (s *Spec) underNames(g int) []string {
	out := []string{}
	for _, y := range s.Groups[g].Under {
		out = append(out, s.Groups[y].Name)
	}
	return out
}

// Members lists the axes where group g stands.
func (s *Spec) Members(g int) []Member {
	var out []Member
	for _, w := range s.Weights {
		for k, a := range w.Layout {
			found := false
			a.each(func(f *Factor) { found = found || f.Name == s.Groups[g].Name && !f.Frozen })
			if found {
				out = append(out, Member{w.Weight.Name, k})
			}
		}
	}
	return out
}

// MarshalJSON writes Document.
func (s *Spec) MarshalJSON() ([]byte, error) { return json.Marshal(s.Document()) }

// FromDocument rebuilds a Spec for the model m. Layouts and groups are read;
// the counts are computed anew. Groups that stand in no layout are left out, and
// what was under them is permuted alike in all their slots.
func FromDocument(d Document, m *onnxgraph.Model) (*Spec, error) {
	byName := map[string]*onnxgraph.Weight{}
	s := &Spec{}
	for _, w := range m.Weights() {
		byName[w.Name] = w
		if w.Type.IsFloat() {
			s.Parameters += w.Elements()
		}
	}
	used, err := s.layOut(d.LayoutTexts, byName)
	if err != nil {
		return nil, err
	}
	index, listed := map[string]int{}, map[string]bool{}
	for _, g := range d.GroupList {
		group := Group{Name: g.Name, Size: g.Size}
		if g.Name == "" || g.Size < 1 || g.Size > 1<<30 {
			return nil, fmt.Errorf("permspec: group %q of size %d is not possible", g.Name, g.Size)
		}
		if listed[g.Name] {
			return nil, fmt.Errorf("permspec: two groups are called %q", g.Name)
		}
		for _, u := range g.Under {
			if !listed[u] {
				return nil, fmt.Errorf("permspec: group %q is under %q, which is not listed before it", g.Name, u)
			}
			if j, ok := index[u]; ok {
				group.Under = append(group.Under, j)
			}
		}
		if listed[g.Name] = true; !used[g.Name] {
			continue
		}
		index[g.Name] = len(s.Groups)
		s.Groups = append(s.Groups, group)
	}
	for name := range used {
		if _, ok := index[name]; !ok {
			return nil, fmt.Errorf("permspec: the layouts name a group %q that the list of groups does not have", name)
		}
	}
	for _, f := range d.Frozen {
		s.Frozen = append(s.Frozen, Frozen(f))
	}
	return s, s.index()
}

// layOut reads layouts and returns the names of the groups that stand in them.
// Weights in which nothing moves are left out.
func (s *Spec) layOut(list []LayoutDocument, weights map[string]*onnxgraph.Weight) (map[string]bool, error) {
	used, seen := map[string]bool{}, map[string]bool{}
	for _, l := range list {
		w, ok := weights[l.Weight]
		if !ok {
			return nil, fmt.Errorf("permspec: the model has no weight %q", l.Weight)
		}
		if seen[l.Weight] {
			return nil, fmt.Errorf("permspec: there are two layouts of weight %q", l.Weight)
		}
		seen[l.Weight] = true
		layout, err := ParseLayout(l.Layout)
		if err != nil {
			return nil, fmt.Errorf("permspec: weight %q: %w", l.Weight, err)
		}
		layout.each(func(f *Factor) {
			if f.Name != "" && !f.Frozen {
				used[f.Name] = true
			}
		})
		if layout.free() {
			s.Weights = append(s.Weights, WeightLayout{Weight: w, Layout: layout})
		}
	}
	return used, nil
}
