//go:build unix

package main

import "golang.org/x/sys/unix"

// cpuSeconds returns the processor time that all threads of the process have spent.
func cpuSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
