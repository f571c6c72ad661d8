package rebasin

// GroupMove says how far the units of one group moved.
type GroupMove struct {
	Name  string   `json:"name"`
	Size  int      `json:"size"`
	Under []string `json:"under"`
	Rows  int      `json:"rows"`  // how many permutations the group has
	Moved float64  `json:"moved"` // fraction of its slots that changed place
}

// Moves lists the groups in the order of the Spec; nothing has moved with NoMatch.
func (al *Alignment) Moves() []GroupMove {
	perms := al.Spec.Identity()
	if al.Match != nil {
		perms = al.Match.Perms
	}
	var out []GroupMove
	for g, rows := range perms {
		group := al.Spec.Groups[g]
		m := GroupMove{Name: group.Name, Size: group.Size, Under: []string{}, Rows: len(rows) / group.Size, Moved: moved(rows, group.Size)}
		for _, u := range group.Under {
			m.Under = append(m.Under, al.Spec.Groups[u].Name)
		}
		out = append(out, m)
	}
	return out
}

// moved returns the fraction of slots that rows of permutations take from elsewhere.
func moved(rows []int32, size int) float64 {
	n := 0
	for i, v := range rows {
		if int(v) != i%size {
			n++
		}
	}
	return float64(n) / float64(max(len(rows), 1))
}
