package kernel

import "fmt"

// Budget bounds what one run may take, whatever its graph asks for. The zero
// value bounds nothing.
type Budget struct {
	Bytes  int64 // of tensors made during the run, but those whose memory is used again
	Bodies int   // how often bodies of If, Loop and Scan may run
}

// BudgetError says that a run asked for more than its Budget.
type BudgetError struct {
	Budget Budget
	Memory bool // else it ran bodies too often
}

func (e *BudgetError) Error() string {
	if e.Memory {
		return fmt.Sprintf("the run needs more than the %d MB of memory it may take", e.Budget.Bytes>>20)
	}
	return fmt.Sprintf("the run has entered bodies %d times, as often as it may: does a loop end?", e.Budget.Bodies)
}

// spend counts n elements of some bytes each.
func (p *Pool) spend(n int, each uintptr) error {
	if err := p.afford(n, each); err != nil {
		return err
	}
	p.spent += int64(n) * int64(each)
	return nil
}

// afford tells whether there is room for n elements of some bytes each, for which
// it lets free memory go.
func (p *Pool) afford(n int, each uintptr) error {
	limit := p.Budget.Bytes
	if limit <= 0 {
		return nil
	}
	if int64(n) > limit/int64(max(each, 1)) {
		return &BudgetError{p.Budget, true}
	}
	bytes := int64(n) * int64(each)
	if p.spent+bytes > limit {
		p.empty()
	}
	if p.spent+bytes > limit {
		return &BudgetError{p.Budget, true}
	}
	return nil
}

// Enter counts one run of a body.
func (p *Pool) Enter() error {
	if p.Budget.Bodies > 0 && p.entered >= p.Budget.Bodies {
		return &BudgetError{p.Budget, false}
	}
	p.entered++
	return nil
}

// room tells whether a kernel may make numbers of 64 bits, in an array of a shape,
// that it needs only itself.
func (c *Call) room(shape ...int) error {
	n, err := elements(shape)
	if err == nil {
		err = c.Pool.afford(n, 8)
	}
	return err
}
