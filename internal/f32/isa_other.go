//go:build !amd64 && !arm64

package f32

var families = []isa{portable}
