//go:build !unix

package cputime

import "time"

var began = time.Now()

// Seconds returns the time since the program began, in place of the processor time it spent.
func Seconds() float64 { return time.Since(began).Seconds() }
