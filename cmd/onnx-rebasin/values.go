package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// notNegative is the law of a flag that counts or bounds.
func notNegative[T int | int64 | float64](name string) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return usagef("--%s cannot be %v", name, v)
		}
		return nil
	}
}

// positive is the law of a flag that is above 0.
func positive[T int | float64](name string) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			return usagef("--%s cannot be %v", name, v)
		}
		return nil
	}
}

// finite is the law of a flag that is any number.
func finite(name string) func(*cli.Context, float64) error {
	return func(_ *cli.Context, v float64) error {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return usagef("--%s cannot be %v", name, v)
		}
		return nil
	}
}

// part is the law of a flag that is a part of a whole.
func part(name string) func(*cli.Context, float64) error {
	return func(_ *cli.Context, v float64) error {
		if !(v >= 0 && v <= 1) {
			return usagef("--%s cannot be %v: it lies between 0 and 1", name, v)
		}
		return nil
	}
}

// existing is the law of a flag that names what is there.
func existing(name string) func(*cli.Context, string) error {
	return func(_ *cli.Context, path string) error {
		if path == "" {
			return nil
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		return nil
	}
}

// oneOf is the law of a flag that is one of a few words.
func oneOf(name string, words ...string) func(*cli.Context, string) error {
	return func(_ *cli.Context, v string) error {
		if slices.Contains(words, v) {
			return nil
		}
		hint := "--" + name + " is one of " + strings.Join(words, ", ")
		if near := nearest(v, words); near != "" {
			hint = "did you mean " + near + "? " + hint
		}
		return hinted{usagef("there is no %s %q", name, v), hint}
	}
}

// numberOr is the law of a flag that is any number, or one of some words.
func numberOr(name string, words ...string) func(*cli.Context, string) error {
	return func(c *cli.Context, text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return hinted{usagef("--%s cannot be %q", name, text), "--" + name + " is a number, " + strings.Join(words, " or ")}
		}
		return finite(name)(c, v)
	}
}

func lambdaFlag() cli.Flag {
	return &cli.StringFlag{Name: "lambda", Value: "0.5", Action: numberOr("lambda", "auto", "groups"),
		Usage: "weight of B in the average; auto: the best for --calib; groups: also one for each group of units, where that is better"}
}
