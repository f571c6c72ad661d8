package solver

// filter lists the columns of a row whose profit gain - price is above a bound,
// numbered from first on, and says how many there are: -1 when out has no room
// for them, which may be so when fewer than 8 places would be left. It also
// reports whether some gain is NaN or infinite, unless there was no room.
func filter[G Gain](gain []G, price []float64, above float64, first int32, out []int32) (count int, bad bool) {
	done, count, bad := filterWide(gain, price, above, first, out)
	if count < 0 {
		return count, bad
	}
	price = price[:len(gain)]
	for j := done; j < len(gain); j++ {
		g := float64(gain[j])
		if g-g != 0 {
			bad = true
		}
		if g-price[j] > above {
			if count == len(out) {
				return -1, bad
			}
			out[count] = first + int32(j)
			count++
		}
	}
	return count, bad
}
