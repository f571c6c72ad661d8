package main

import "fmt"

// starts matches two files and prints what each kind of start took and brought.
func starts(a, b, effort string) error {
	al, r, err := aligned(a, b, effort)
	if err != nil {
		return err
	}
	type sum struct {
		starts, better int
		seconds, rise  float64
	}
	sums := map[string]*sum{}
	var kinds []string
	best := al.Match.ObjectiveBefore
	for _, s := range al.Match.Starts {
		if sums[s.Kind] == nil {
			sums[s.Kind] = &sum{}
			kinds = append(kinds, s.Kind)
		}
		k := sums[s.Kind]
		k.starts++
		k.seconds += s.Seconds
		if s.Objective > best {
			k.better++
			k.rise += s.Objective - best
			best = s.Objective
		}
	}
	fmt.Println("| begins | starts | clock s | found better | objective rose by |")
	fmt.Println("|---|---:|---:|---:|---:|")
	for _, kind := range kinds {
		k := sums[kind]
		fmt.Printf("| %s | %d | %.2f | %d | %.4f |\n", kind, k.starts, k.seconds, k.better, k.rise)
	}
	fmt.Printf("\nobjective %.4f → %.4f, distance %.4f → %.4f, %.2f s of processor time\n", al.Match.ObjectiveBefore, best, r.Before, r.After, r.Processor)
	return nil
}
