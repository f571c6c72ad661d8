//go:build race

package f32

// raced is set under the race detector, which makes pools forget.
const raced = true
