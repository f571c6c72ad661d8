package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file in an archive.
type entry struct {
	path    string
	mode    int64
	content []byte
}

// file is one that was made.
type file struct {
	name string
	sum  string // SHA-256
	size int
}

// epoch is the time of every entry, the first that zip has.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writeArchive packs a program and its companions, as zip for Windows and as
// tar.gz for the others.
func writeArchive(stem, program string, t target, extra []entry) (file, error) {
	b, err := os.ReadFile(program)
	if err != nil {
		return file{}, err
	}
	list := append([]entry{{t.program(), 0o755, b}}, extra...)
	folder := filepath.Base(stem)
	pack, ending := tarball, ".tar.gz"
	if t.goos == "windows" {
		pack, ending = zipped, ".zip"
	}
	var out bytes.Buffer
	if err := pack(&out, folder, list); err != nil {
		return file{}, err
	}
	return put(stem+ending, out.Bytes())
}

func tarball(w io.Writer, folder string, list []entry) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range list {
		h := &tar.Header{Name: folder + "/" + e.path, Mode: e.mode, Size: int64(len(e.content)), ModTime: epoch, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(e.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func zipped(w io.Writer, folder string, list []entry) error {
	z := zip.NewWriter(w)
	for _, e := range list {
		h := &zip.FileHeader{Name: folder + "/" + e.path, Method: zip.Deflate, Modified: epoch}
		h.SetMode(os.FileMode(e.mode))
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(e.content); err != nil {
			return err
		}
	}
	return z.Close()
}

// put writes a file and notes its checksum.
func put(path string, content []byte) (file, error) {
	sum := sha256.Sum256(content)
	return file{filepath.Base(path), hex.EncodeToString(sum[:]), len(content)}, os.WriteFile(path, content, 0o666)
}

// checksums lists files as sha256sum does.
func checksums(made []file) []byte {
	made = slices.Clone(made)
	slices.SortFunc(made, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var out bytes.Buffer
	for _, f := range made {
		fmt.Fprintf(&out, "%s  %s\n", f.sum, f.name)
	}
	return out.Bytes()
}
