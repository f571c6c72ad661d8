//go:build !race

package f32

const raced = false
