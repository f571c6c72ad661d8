package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// usualPairs are words in the names of samples and of their labels.
var usualPairs = [][2]string{{"images", "labels"}, {"Images", "Labels"}, {"image", "label"}, {"data", "labels"}, {"x", "y"}, {"X", "y"}, {"X", "Y"}}

// labelArray describes a file of labels, .npy or IDX.
func labelArray(path string) (array, error) {
	magic, err := firstBytes(path)
	if err != nil {
		return array{}, fmt.Errorf("dataset: %w", err)
	}
	if strings.HasPrefix(string(magic), npyMagic) {
		return npyFile(path, filepath.Base(path))
	}
	return idxFile(path, filepath.Base(path))
}

// labelFile finds the file of labels that belongs to a file of samples: the one
// named, or one beside it whose name differs as is usual. It is "" when there
// is none.
//
//	train-images-idx3-ubyte.gz  train-labels-idx1-ubyte.gz
//	images.idx3-ubyte           labels.idx1-ubyte
//	x_test.npy                  y_test.npy
func labelFile(path, named string) (string, error) {
	if named == "none" {
		return "", nil
	}
	if named != "" {
		for _, file := range []string{named, filepath.Join(filepath.Dir(path), named)} {
			if isFile(file) {
				return file, nil
			}
		}
		return "", fmt.Errorf("dataset: the file of labels %s does not exist", named)
	}
	folder, name := filepath.Split(path)
	for _, names := range usualPairs {
		other := replaceWord(name, names[0], names[1])
		if other == name {
			continue
		}
		other = strings.NewReplacer("idx3", "idx1", "idx4", "idx1", "idx2", "idx1").Replace(other)
		for _, file := range []string{other, other + ".gz", strings.TrimSuffix(other, ".gz")} {
			if isFile(folder + file) {
				return folder + file, nil
			}
		}
	}
	return "", nil
}

// replaceWord replaces word in name where no other letters touch it.
func replaceWord(name, word, by string) string {
	isLetter := func(i int) bool {
		return i >= 0 && i < len(name) && (name[i]|0x20 >= 'a' && name[i]|0x20 <= 'z')
	}
	for at := 0; at+len(word) <= len(name); at++ {
		if strings.HasPrefix(name[at:], word) && !isLetter(at-1) && !isLetter(at+len(word)) {
			return name[:at] + by + name[at+len(word):]
		}
	}
	return name
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
