//go:build !unix

package main

import "time"

var began = time.Now()

// cpuSeconds stands in for the processor time where that is not known.
func cpuSeconds() float64 { return time.Since(began).Seconds() }
