package solver

import (
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/internal/memory"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// keepBytes is how much memory decoded weights may take to be kept from one use
// to the next, and again gain matrices.
const keepBytes = 256 << 20

// MemoryError says that a group is too large to be matched: its gain matrices grow
// with the square of its size.
type MemoryError struct {
	Group       string
	Slots       int
	Bytes, Most int64
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("to match group %q of %d slots takes %d MB of memory, more than the %d MB it may take", e.Group, e.Slots, e.Bytes>>20, e.Most>>20)
}

// afford returns a *MemoryError when the gains of a unit of the problem take more
// than most bytes; most is 0 for 2 GB and 32 times the weights.
func (p *problem) afford(most int64, a *onnxgraph.Model) error {
	if most <= 0 {
		most = 2 << 30
		for _, w := range a.Weights() {
			most += 32 * w.Elements() * int64(w.Type.Bits()) / 8
		}
	}
	for n, u := range p.plan.units {
		if bytes := p.plan.unitBytes(n); bytes > most {
			return &MemoryError{p.spec.Groups[u.group].Name, p.spec.Groups[u.group].Size, bytes, most}
		}
	}
	return nil
}

// measure finds the memory that the gains of all units take, and of the largest.
func (p *plan) measure() {
	p.allGains, p.largestGains = 0, 0
	for n := range p.units {
		bytes := p.unitBytes(n)
		p.allGains += bytes
		p.largestGains = max(p.largestGains, bytes)
	}
}

// unitBytes is the memory that the gains of a unit take: a matrix for each place
// of the groups it is under, and for the groups nested in it.
func (p *plan) unitBytes(n int) int64 {
	u := &p.units[n]
	size := int64(p.size[u.group])
	outer := int64(len(p.rows(u.group, free(len(p.size)))))
	total := outer * size * size
	for _, in := range u.inner {
		if p.scalar(&in) {
			continue
		}
		rows := int64(len(p.rows(in.group, free(len(p.size))))) // the places of all it is under
		small := int64(p.size[in.group])
		total += rows * small * size * small
	}
	return 4 * total
}

// sideBySide is how many of some starts may run at once.
func (p *plan) sideBySide(starts int) int {
	all := p.allGains
	if all > keepBytes {
		all = p.largestGains
	}
	return int(max(1, min(int64(starts), 4*keepBytes/max(1, all))))
}

// forget lets the gains of a unit go, unless there is room for those of all.
func (ws *workspace) forget(p *plan, n int) {
	if ws.keeps {
		return
	}
	us := &ws.units[n]
	clear(us.plain)
	clear(us.inner)
	memory.Waste(p.unitBytes(n))
}
