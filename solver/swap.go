package solver

// swappable reports whether swaps can be tried for a unit: it stands twice in
// some box, never more often, and has nothing nested in it or above it.
func (p *plan) swappable(u *unit) bool {
	if !u.own || len(u.members) > 1 || len(p.under[u.group]) > 0 {
		return false
	}
	for _, st := range u.stands {
		if len(st.digits) > 2 {
			return false
		}
	}
	return true
}

// swaps exchanges pairs of slots of a unit that stands twice in a box, as long
// as that raises the objective, and returns by how much it does. Matching such a
// unit as a whole is only as good as the linear part of a quadratic objective;
// for a swap of places i and j, with slots s and t, the quadratic part is
//
//	Σ_r (A_ii - A_ij - A_ji + A_jj)·(B_ss - B_st - B_ts + B_tt)
//
// over the places r of all other coordinates, so the best swap is found exactly.
// Cost: for each swap made, O(n²) times the number of places r.
func (f *frame) swaps(ws *workspace, n int) (float64, error) {
	u := &f.plan.units[n]
	env := free(len(f.plan.size))
	g := ws.units[n].plain[0]
	total := 0.0
	for range 4 * f.plan.size[u.group] {
		g.compute(f, u.plain, env, ws)
		i, j, gain := f.bestSwap(u, g)
		if gain <= 0 {
			break
		}
		next := f.merge(u, nil, f.perms)
		perm := next[u.group]
		perm[i], perm[j] = perm[j], perm[i]
		delta := f.take(n, []int32{int32(i), int32(j)}, next)
		if delta <= 0 {
			break
		}
		total += delta
	}
	return total, nil
}

// bestSwap returns the pair of places of a unit whose exchange gains most.
func (f *frame) bestSwap(u *unit, g *gains) (i, j int, gain float64) {
	perm := f.perms[u.group]
	curve := make([]float64, g.Rows*g.Rows)
	for _, st := range u.stands {
		if len(st.digits) == 2 {
			f.addCurve(st, perm, curve)
		}
	}
	for x := range g.Rows {
		for y := range x {
			if d := exchanged(g.Matrix, perm, x, y) + curve[x*g.Rows+y]; d > gain {
				i, j, gain = x, y, d
			}
		}
	}
	return i, j, gain
}

// exchanged is by how much gains rise when places x and y exchange their slots.
func exchanged(gains Matrix[float32], perm []int32, x, y int) float64 {
	s, t, rx, ry := perm[x], perm[y], gains.Row(x), gains.Row(y)
	return float64(rx[t]) + float64(ry[s]) - float64(rx[s]) - float64(ry[t])
}

// addCurve adds the quadratic part of the swaps x > y in one box.
func (f *frame) addCurve(st standing, perm []int32, curve []float64) {
	b := &f.plan.boxes[st.box]
	n := len(perm)
	p, q := b.digits[st.digits[0]].stride, b.digits[st.digits[1]].stride
	rest := f.offsets(st.box, f.at[st.box], b.others(st.digits), make([]int32, len(b.digits)), nil)
	a, w := f.data.of(b.weight)
	square := func(v []float32, at, x, y int) float64 {
		return float64(v[at+x*p+x*q]) - float64(v[at+x*p+y*q]) - float64(v[at+y*p+x*q]) + float64(v[at+y*p+y*q])
	}
	for x := range n {
		for y := range x {
			for r := range rest.a {
				curve[x*n+y] += square(a, rest.a[r], x, y) * square(w, rest.b[r], int(perm[x]), int(perm[y]))
			}
		}
	}
}
