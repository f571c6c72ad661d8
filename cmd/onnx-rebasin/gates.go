package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// gate is a condition that a number of the report has to meet.
type gate struct {
	text     string // as given
	of       quantity
	operator string
	limit    float64
}

type gates []gate

func gateFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "require", Usage: "exit with 3, and write no model, unless `CONDITION` holds: accuracy>=0.97, loss_barrier<=0.02, " +
			"or any other number that docs/pipelines.md lists; may be given several times"},
	}
}

func dropFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-drop", Usage: "require that accuracy is at most `PART` (0.5% or 0.005) below that of the best model"}
}

var condition = regexp.MustCompile(`^\s*(\w+)\s*(>=|<=|==|!=|>|<)\s*([-+.\w]+)\s*(%?)\s*$`)

// readGates reads --require and --max-drop, and refuses what the command will
// not measure before any work is done.
func readGates(c *cli.Context) (gates, error) {
	texts := c.StringSlice("require")
	if drop := c.String("max-drop"); drop != "" {
		if v, err := fraction(strings.TrimSuffix(drop, "%"), strings.HasSuffix(drop, "%")); err != nil || v < 0 || v >= 1 {
			return nil, hinted{usagef("--max-drop cannot be %q", drop), "write 0.5% or 0.005"}
		}
		texts = append(texts, "accuracy_drop<="+drop)
	}
	var out gates
	for _, text := range texts {
		g, err := readGate(c, text)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func readGate(c *cli.Context, text string) (gate, error) {
	g := gate{text: strings.TrimSpace(text)}
	m := condition.FindStringSubmatch(text)
	if m == nil {
		return g, hinted{usagef("--require %q is no condition", text), "write --require 'accuracy>=0.97'"}
	}
	g.operator = m[2]
	var err error
	if g.limit, err = fraction(m[3], m[4] != ""); err != nil {
		return g, usagef("--require %q: %q is not a number", text, m[3])
	}
	var known []string
	for _, k := range quantities {
		if !k.in(c.Command.Name) {
			continue
		}
		if k.name == m[1] {
			g.of = k
		}
		known = append(known, k.name)
	}
	if g.of.value == nil {
		hint := c.Command.Name + " measures " + strings.Join(known, ", ")
		if near := nearest(m[1], known); near != "" {
			hint = "did you mean " + near + "? " + hint
		}
		return g, hinted{usagef("--require %q: %s measures no %s", text, c.Command.Name, m[1]), hint}
	}
	if g.of.judged && c.String("data") == "" {
		return g, hinted{usagef("--require %q needs data", text), "add --data test.npz"}
	}
	return g, nil
}

// fraction reads a finite number, or a percentage as a part of 1.
func fraction(text string, percent bool) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = errors.New("not finite")
	}
	if percent {
		v /= 100
	}
	return v, err
}

func (g gate) holds(v float64) bool {
	switch g.operator {
	case ">=":
		return v >= g.limit
	case "<=":
		return v <= g.limit
	case ">":
		return v > g.limit
	case "<":
		return v < g.limit
	case "==":
		return v == g.limit
	}
	return v < g.limit || v > g.limit // !=, of numbers
}

// check adds the gates to a report. Its error is the answer no, which names
// those that fail. A number that is not known fails its gate.
func (list gates) check(r *rebasin.Report) error {
	var failed []string
	for _, g := range list {
		v := g.of.value(r)
		one := rebasin.GateReport{Gate: g.text, OK: g.holds(v)}
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			one.Value = &v
		}
		r.Gates = append(r.Gates, one)
		if !one.OK {
			failed = append(failed, fmt.Sprintf("gate %s fails: %s", g.text, gateValue(one)))
		}
	}
	if failed == nil {
		return nil
	}
	return answerNo{errors.New(strings.Join(failed, "; "))}
}

// firstOf is the first of two errors that is one.
func firstOf(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// printGates prints whether gates hold, one a line.
func printGates(w io.Writer, list []rebasin.GateReport) {
	for _, g := range list {
		summary{w, paletteFor(w)}.gate(g)
	}
}

func gateValue(g rebasin.GateReport) string {
	if g.Value == nil {
		return "it is not known"
	}
	return "it is " + strconv.FormatFloat(*g.Value, 'g', 6, 64)
}

// quantity is a number of the report that a gate can be put on.
type quantity struct {
	name     string
	commands string
	judged   bool // measured on --data
	about    string
	value    func(r *rebasin.Report) float64 // NaN where it is not known
}

func (q quantity) in(command string) bool {
	return slices.Contains(strings.Fields(q.commands), command)
}
