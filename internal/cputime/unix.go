//go:build unix

package cputime

import "golang.org/x/sys/unix"

// Seconds returns the processor time that all threads of the process have spent.
func Seconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
