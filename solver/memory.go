package solver

import "github.com/onnx-rebasin/onnx-rebasin/internal/memory"

// keepBytes is how much memory decoded weights may take to be kept from one use
// to the next, and again gain matrices.
const keepBytes = 256 << 20

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
	return 8 * total
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
