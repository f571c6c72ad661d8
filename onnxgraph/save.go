package onnxgraph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// SaveOptions says what Save may do.
type SaveOptions struct {
	Force   bool            // replace an existing model file
	Inputs  []string        // more files that must not be replaced, Force or not
	Context context.Context // ends the writing; nil: nothing does
}

// Save writes the model to a file, and the external data it refers to into the
// same folder: under the names they have, or, where a name is taken, behind the
// name of the model file ("out.weights.bin" for out.onnx), which the model file
// then refers to.
//
// Everything is written to temporary files beside the model file. When they are
// complete and on the disk, external data get names that were free, and at last
// the model file is renamed: whenever Save ends, and if the machine stops, the
// folder holds either the old model with its data or the new one with its own.
// What a Save that was killed left behind is removed by the next one to the same
// name. A file the model was loaded from is never replaced, whatever link leads
// to it; other existing files only with Force.
func (m *Model) Save(name string, opts SaveOptions) error {
	if err := m.save(name, opts); err != nil {
		return fmt.Errorf("save model: %s: %w", name, err)
	}
	return nil
}

// WriteFile writes any other file, such as a report, as Save writes a model: it is
// there whole, or the old one is, and what a WriteFile that was killed left is
// removed by the next one to the same name.
func WriteFile(name string, opts SaveOptions, content func(io.Writer) error) error {
	if err := writeFile(name, opts, content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeFile(name string, opts SaveOptions, content func(io.Writer) error) error {
	inputs, err := statAll(opts.Inputs)
	if err != nil {
		return err
	}
	s, err := newSaver(name, opts, inputs)
	if err != nil {
		return err
	}
	return errors.Join(s.writeOne(content), s.close())
}

func (m *Model) save(name string, opts SaveOptions) (err error) {
	if err := m.file.alive(); err != nil {
		return err
	}
	files, err := m.dataFiles()
	if err != nil {
		return err
	}
	inputs, err := m.inputs(opts.Inputs)
	if err != nil {
		return err
	}
	s, err := newSaver(name, opts, inputs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.allow(s.base); err != nil {
		return err
	}
	if err := s.begin(len(files)); err != nil {
		return err
	}
	for i, d := range files {
		if err := d.place(); err != nil {
			return err
		}
		if err := s.write(s.data[i], d); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		if err := s.writeModel(m, nil); err != nil {
			return err
		}
	}
	return s.locked(func() error { return s.finish(m, files) })
}

// finish names the staged files, under the folder's lock.
func (s *saver) finish(m *Model, files []*dataFile) error {
	if err := s.allow(s.base); err != nil {
		return err
	}
	if len(files) > 0 {
		edits, err := m.file.nameExternal(s, files)
		if err != nil {
			return err
		}
		if err := s.writeModel(m, edits); err != nil {
			return err
		}
	}
	return s.commit()
}

// writeModel stages the model file; moved is what changes in it for external data.
func (s *saver) writeModel(m *Model, moved []edit) error {
	if moved == nil {
		moved = []edit{}
	}
	p, err := m.patch(moved)
	if err != nil {
		return err
	}
	return s.write(s.model, p)
}

// Files returns the paths of the files that the model is read from: its own, and
// those its weights are kept in. None for a model that was parsed from memory.
func (m *Model) Files() []string {
	if m.Path == "" {
		return nil
	}
	return append([]string{m.Path}, m.file.externalFiles(filepath.Dir(m.Path))...)
}

// inputs returns the files that may not be replaced: those that were read, and
// more.
func (m *Model) inputs(more []string) ([]os.FileInfo, error) {
	out, err := statAll(more)
	if err != nil {
		return nil, err
	}
	if m.file.info != nil {
		out = append(out, m.file.info)
	}
	m.file.mu.Lock()
	defer m.file.mu.Unlock()
	for _, c := range m.file.external {
		out = append(out, c.info)
	}
	return out, nil
}

func statAll(names []string) ([]os.FileInfo, error) {
	var out []os.FileInfo
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}
