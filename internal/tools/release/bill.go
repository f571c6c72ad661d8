package main

import (
	"encoding/json"
	"runtime/debug"
	"strings"
)

// The parts of a CycloneDX 1.6 document (ECMA-424) that a Go program fills.
type bill struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// writeBill lists what a program is made of, as the compiler has written into
// it: the modules with the checksums of go.sum, the compiler, and its settings.
func writeBill(stem, program string, _ target, _ []entry) (file, error) {
	info, err := readInfo(program)
	if err != nil {
		return file{}, err
	}
	text, err := json.MarshalIndent(billOf(info), "", "  ")
	if err != nil {
		return file{}, err
	}
	return put(stem+".cdx.json", append(text, '\n'))
}

func billOf(info *debug.BuildInfo) bill {
	main := component{Type: "application", Name: info.Main.Path, Version: info.Main.Version, PURL: purl(info.Main.Path, info.Main.Version)}
	for _, s := range info.Settings {
		main.Properties = append(main.Properties, property{"go:" + s.Key, s.Value})
	}
	b := bill{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{main}}
	version := strings.TrimPrefix(info.GoVersion, "go")
	b.Components = append(b.Components, component{Type: "library", Name: "std", Version: version, PURL: purl("std", version)})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, component{Type: "library", Name: m.Path, Version: m.Version, PURL: purl(m.Path, m.Version), Properties: []property{{"go:sum", m.Sum}}})
	}
	return b
}

// purl is the package URL of a Go module.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}
