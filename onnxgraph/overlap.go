package onnxgraph

import (
	"cmp"
	"fmt"
	"path"
	"slices"
)

// A claim is the part of an external file that a tensor says is its own.
type claim struct {
	tensor   string
	location string
	lo, hi   int64
}

// checkOverlaps returns an error when two tensors claim parts of an external file
// that overlap. The very same part may be claimed many times: tensors share it.
func (f *file) checkOverlaps() error {
	var all []claim
	for i, site := range f.sites {
		if !site.external {
			continue
		}
		t, err := f.header(i)
		if err != nil || !isExternal(t) {
			continue
		}
		r, err := parseReference(t)
		w := Weight{Type: DataType(t.GetDataType()), Shape: t.GetDims()}
		if err != nil || checkShape(w.Type, w.Shape) != nil {
			continue // told when it is read
		}
		size := int64(w.size())
		if w.Type.Bits() == 0 {
			size = max(r.length, 0)
		}
		if size > 0 && r.offset <= 1<<62 {
			all = append(all, claim{t.GetName(), path.Clean(r.location), r.offset, r.offset + size})
		}
	}
	slices.SortStableFunc(all, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.location, b.location), cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi))
	})
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if a.location == b.location && b.lo < a.hi && (a.lo != b.lo || a.hi != b.hi) {
			return fmt.Errorf("tensors %q and %q overlap in bytes %d to %d of %q", a.tensor, b.tensor, b.lo, min(a.hi, b.hi), a.location)
		}
	}
	return nil
}
