package rebasin_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	apiFile   = "docs/api.txt"
	apiUpdate = "UPDATE_API=1 go test . -run TestAPI"
)

// library are the packages that others build on. The rest that can be imported
// is what these are made of, and may change.
var library = []string{".", "onnxgraph", "permspec", "solver", "eval", "eval/dataset", "eval/learn", "eval/repair", "zoo"}

// What the library exports is listed in docs/api.txt, one thing a line. A line that
// goes is a breaking change. Additions are told, and have to be listed by the time of
// a release (API_COMPLETE=1).
func TestAPI(t *testing.T) {
	var lines []string
	for _, dir := range library {
		lines = append(lines, exported(t, dir)...)
	}
	slices.Sort(lines)
	if os.Getenv("UPDATE_API") != "" {
		if err := os.WriteFile(apiFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if gone := missing("- ", listed, lines); gone != "" {
		t.Errorf("a breaking change: no longer as %s lists it is\n%sIf that is meant, note it in CHANGELOG.md and run\n\t%s", apiFile, gone, apiUpdate)
	}
	added := missing("+ ", lines, listed)
	switch {
	case added != "" && os.Getenv("API_COMPLETE") != "":
		t.Errorf("%s lacks\n%srun\n\t%s", apiFile, added, apiUpdate)
	case added != "":
		t.Logf("%s lacks\n%srun\n\t%s", apiFile, added, apiUpdate)
	}
}

// missing lists the lines that a sorted list lacks.
func missing(sign string, lines, list []string) string {
	out := ""
	for _, line := range lines {
		if _, found := slices.BinarySearch(list, line); !found {
			out += sign + line + "\n"
		}
	}
	return out
}

// exported lists what a package exports on Linux and amd64.
func exported(t *testing.T, dir string) []string {
	t.Helper()
	system := build.Default
	system.GOOS, system.GOARCH, system.CgoEnabled = "linux", "amd64", false
	found, err := system.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{pkg: filepath.ToSlash(dir), files: token.NewFileSet()}
	if dir == "." {
		a.pkg = "rebasin"
	}
	var files []*ast.File
	for _, name := range found.GoFiles {
		f, err := parser.ParseFile(a.files, filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(a.files, files, a.pkg)
	if err != nil {
		t.Fatal(err)
	}
	a.values("const", p.Consts)
	a.values("var", p.Vars)
	a.funcs(p.Funcs)
	for _, typ := range p.Types {
		a.values("const", typ.Consts)
		a.values("var", typ.Vars)
		a.funcs(typ.Funcs)
		a.funcs(typ.Methods)
		a.typ(typ)
	}
	return a.lines
}

// api gathers the lines of one package.
type api struct {
	pkg   string
	files *token.FileSet
	lines []string
}

func (a *api) add(format string, args ...any) {
	a.lines = append(a.lines, fmt.Sprintf("%s: ", a.pkg)+fmt.Sprintf(format, args...))
}

// text is a part of the source on one line.
func (a *api) text(node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, a.files, node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (a *api) values(kind string, list []*doc.Value) {
	for _, v := range list {
		for _, s := range v.Decl.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				if name.IsExported() {
					a.add("%s %s", kind, name.Name)
				}
			}
		}
	}
}

func (a *api) funcs(list []*doc.Func) {
	for _, f := range list {
		d := *f.Decl
		d.Doc, d.Body = nil, nil
		a.add("%s", a.text(&d))
	}
}

func (a *api) typ(t *doc.Type) {
	for _, s := range t.Decl.Specs {
		spec := s.(*ast.TypeSpec)
		switch u := spec.Type.(type) {
		case *ast.StructType:
			a.add("type %s struct", t.Name)
			a.fields(t.Name, u.Fields)
		case *ast.InterfaceType:
			a.add("type %s interface", t.Name)
			a.fields(t.Name, u.Methods)
		default:
			a.add("type %s %s", t.Name, a.text(u))
		}
	}
}

func (a *api) fields(of string, list *ast.FieldList) {
	for _, f := range list.List {
		if f.Names == nil {
			a.add("type %s has %s", of, a.text(f.Type))
		}
		for _, name := range f.Names {
			a.add("type %s has %s %s", of, name.Name, a.text(f.Type))
		}
	}
}
