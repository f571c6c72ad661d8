// Package cputime tells how much processor time the process has spent. Benchmarks count it where a machine is
// shared: unlike a clock it does not run while others work.
package cputime
