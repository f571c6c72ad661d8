package half

import (
	"math"
	"testing"
)

// Widening and narrowing again gives every pattern back, NaN payloads aside.
func TestRoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		if f := Float16(h); f == f && ToFloat16(f) != h {
			t.Fatalf("float16 %#04x widens to %g, narrows to %#04x", h, f, ToFloat16(f))
		} else if f != f && Float16(ToFloat16(f)) == Float16(ToFloat16(f)) {
			t.Fatalf("float16 NaN %#04x is lost", h)
		}
		if f := BFloat16(h); f == f && ToBFloat16(f) != h {
			t.Fatalf("bfloat16 %#04x widens to %g, narrows to %#04x", h, f, ToBFloat16(f))
		} else if f != f && BFloat16(ToBFloat16(f)) == BFloat16(ToBFloat16(f)) {
			t.Fatalf("bfloat16 NaN %#04x is lost", h)
		}
	}
}

// Between two neighbours narrowing picks the nearer one, and the even one in
// the middle.
func TestRounding(t *testing.T) {
	for _, c := range []struct {
		name   string
		widen  func(uint16) float32
		narrow func(float32) uint16
		top    uint16
	}{{"float16", Float16, ToFloat16, 0x7bff}, {"bfloat16", BFloat16, ToBFloat16, 0x7f7f}} {
		for h := uint16(0); h < c.top; h++ {
			lo, hi := c.widen(h), c.widen(h+1)
			mid := float32((float64(lo) + float64(hi)) / 2)
			if even := h + h&1; c.narrow(mid) != even || c.narrow(-mid) != even|0x8000 {
				t.Fatalf("%s: the middle of %#04x and %#04x gives %#04x", c.name, h, h+1, c.narrow(mid))
			}
			if below := math.Nextafter32(mid, lo); c.narrow(below) != h {
				t.Fatalf("%s: %g gives %#04x, want %#04x", c.name, below, c.narrow(below), h)
			}
			if above := math.Nextafter32(mid, hi); c.narrow(above) != h+1 {
				t.Fatalf("%s: %g gives %#04x, want %#04x", c.name, above, c.narrow(above), h+1)
			}
		}
	}
	if ToFloat16(65519.996) != 0x7bff || ToFloat16(65520) != 0x7c00 {
		t.Error("float16: the largest finite value is 65504, rounding to infinity from 65520")
	}
	if ToFloat16(float32(math.Inf(-1))) != 0xfc00 || ToBFloat16(math.MaxFloat32) != 0x7f80 {
		t.Error("infinities are lost")
	}
}
