// Package report writes what a command did as a page to read: HTML that needs
// nothing but itself, JSON, or a model card in Markdown.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// Formats lists the formats of reports, by the ending of the file's name.
var Formats = []string{"html", "json", "md"}

// FormatOf tells the format by the ending of a file's name.
func FormatOf(path string) (string, error) {
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	for _, f := range Formats {
		if ending == f {
			return f, nil
		}
	}
	return "", fmt.Errorf("report: %s ends neither in .%s", path, strings.Join(Formats, " nor in ."))
}

// Write writes a report in one of Formats.
func Write(w io.Writer, format string, r *rebasin.Report) error {
	switch format {
	case "html":
		return page.Execute(w, newView(r))
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	case "md":
		_, err := io.WriteString(w, card(r))
		return err
	}
	return fmt.Errorf("report: there is no format %q", format)
}
