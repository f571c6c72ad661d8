//go:build race

package exec_test

// raced is set under the race detector, which makes pools forget.
const raced = true
