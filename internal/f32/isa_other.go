//go:build !amd64

package f32

func detect() isa { return portable }
