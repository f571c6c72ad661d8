package zoo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// cacheFormat is in the name of every entry: entries of other formats are not read.
const cacheFormat = 1

// tempEntry is the pattern of names of entries that are being written.
const tempEntry = ".entry.*"

// cache keeps findings in a folder, a file a pair. An entry that is damaged, or
// that cannot be written, is as one that is not there.
type cache struct{ dir, version string }

func newCache(opts Options) *cache {
	c := &cache{opts.Cache, opts.Version}
	if c.dir != "" && os.MkdirAll(c.dir, 0o755) != nil {
		c.dir = ""
	}
	c.sweep()
	return c
}

// sweep removes what runs that were killed left: temporary files older than any
// that is being written.
func (c *cache) sweep() {
	if c.dir == "" {
		return
	}
	left, _ := filepath.Glob(filepath.Join(c.dir, tempEntry)) // a bad pattern finds nothing
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			os.Remove(name)
		}
	}
}

// entry is the contents of a file.
type entry struct {
	Sum  string          `json:"sum"` // SHA-256 of Body
	Body json.RawMessage `json:"body"`
}

// path is the file of a pair: it depends on the models and on what compares them.
func (c *cache) path(p *Pair) string {
	key, _ := json.Marshal([]any{cacheFormat, c.version, p.a.SHA256, p.b.SHA256}) // cannot fail
	sum := sha256.Sum256(key)
	return filepath.Join(c.dir, hex.EncodeToString(sum[:])+".json")
}

// get reads an entry, and reports whether there is a sound one.
func (c *cache) get(p *Pair, f *Finding) bool {
	if c.dir == "" {
		return false
	}
	data, err := os.ReadFile(c.path(p))
	if err != nil {
		return false
	}
	var e entry
	if json.Unmarshal(data, &e) != nil || e.Sum != sumOf(e.Body) {
		return false
	}
	var found Finding
	if json.Unmarshal(e.Body, &found) != nil || found.Kinship == nil {
		return false
	}
	*f = found
	return true
}

// put writes an entry through a temporary file: it is there whole, or not.
func (c *cache) put(p *Pair, f *Finding) {
	if c.dir == "" {
		return
	}
	body, err := json.Marshal(f)
	if err != nil {
		return
	}
	data, err := json.Marshal(entry{sumOf(body), body})
	if err != nil {
		return
	}
	t, err := os.CreateTemp(c.dir, tempEntry)
	if err != nil {
		return
	}
	_, err = t.Write(data)
	if closed := t.Close(); err == nil {
		err = closed
	}
	if err != nil || os.Rename(t.Name(), c.path(p)) != nil {
		os.Remove(t.Name())
	}
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// digest is the SHA-256 of a file; of several, that of theirs. It also counts
// their bytes.
func digest(files []string) (string, int64, error) {
	var sums []byte
	total := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return "", 0, err
		}
		total += info.Size()
		d, err := rebasin.DigestFile(f)
		if err != nil {
			return "", 0, err
		}
		if len(files) == 1 {
			return d.SHA256, total, nil
		}
		sums = append(sums, d.SHA256...)
	}
	return sumOf(sums), total, nil
}
