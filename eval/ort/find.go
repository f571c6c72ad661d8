package ort

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNotFound says that no ONNX Runtime library was found, or that this program
// cannot load one. Errors that wrap it say how to get the library.
var ErrNotFound = errors.New("ONNX Runtime was not found")

// LibraryEnv is the environment variable that names the library, or a folder to
// look for it in.
const LibraryEnv = "ONNXRUNTIME_LIB"

// HowToGet is one sentence on how to get ONNX Runtime for this platform.
func HowToGet() string {
	archive := map[string]string{
		"linux/amd64": "onnxruntime-linux-x64-*.tgz", "linux/arm64": "onnxruntime-linux-aarch64-*.tgz",
		"darwin/arm64": "onnxruntime-osx-arm64-*.tgz", "darwin/amd64": "onnxruntime-osx-x86_64-*.tgz",
		"windows/amd64": "onnxruntime-win-x64-*.zip", "windows/arm64": "onnxruntime-win-arm64-*.zip",
	}[runtime.GOOS+"/"+runtime.GOARCH]
	if archive == "" {
		return fmt.Sprintf("this program cannot load it on %s/%s, only on Linux, macOS and Windows, on amd64 and arm64", runtime.GOOS, runtime.GOARCH)
	}
	return "get it with `pip install onnxruntime` or `npm install onnxruntime-node`, or unpack " + archive +
		" of github.com/microsoft/onnxruntime/releases, and name the library with --ort-lib or $" + LibraryEnv
}

// Find returns the file of the ONNX Runtime library. A path that is not empty,
// or else $ONNXRUNTIME_LIB, decides: it names the library or a folder that has
// it, itself or in one of the places below. Otherwise these are searched, in
// this order:
//
//   - the folder of this program, and lib beside it
//   - the system's library folders
//   - onnxruntime/capi in the site-packages of the active virtual environment,
//     of the python on PATH, of the user (pyenv's too), and of the system
//   - onnxruntime-node in the node_modules of $NODE_PATH, of the system, and of
//     the current folder and those above it
//
// Nothing is executed to find it. The error is [ErrNotFound] when there is none.
func Find(path string) (string, error) {
	from := "--ort-lib"
	if path == "" {
		path, from = os.Getenv(LibraryEnv), "$"+LibraryEnv
	}
	if path != "" {
		return findNamed(path, from)
	}
	for _, pattern := range searchPatterns() {
		if found := librariesAt(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%w on this machine: %s", ErrNotFound, HowToGet())
}

// Place is where Find looks for the library.
type Place struct {
	Folder    string   `json:"folder"`              // * stands for any letters
	Libraries []string `json:"libraries,omitempty"` // that are there
}

// Places lists where Find looks when it is given no path, in order, each once.
func Places() []Place {
	var places []Place
	for _, pattern := range searchPatterns() {
		folder := filepath.Clean(unescapeGlob(pattern))
		if !slices.ContainsFunc(places, func(p Place) bool { return p.Folder == folder }) {
			places = append(places, Place{folder, librariesAt(pattern)})
		}
	}
	return places
}

// librariesAt lists the libraries in the folders that match a pattern.
func librariesAt(pattern string) []string {
	var found []string
	for _, folder := range globs(pattern) {
		if file := libraryIn(folder); file != "" {
			found = append(found, file)
		}
	}
	return found
}

// findNamed finds the library at a path that the user gave.
func findNamed(path, from string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%w: %s names %s: %w", ErrNotFound, from, path, err)
	}
	if !info.IsDir() {
		return filepath.Abs(path)
	}
	here := escapeGlob(path)
	patterns := []string{here, filepath.Join(here, "lib"), filepath.Join(here, "capi"), filepath.Join(here, "onnxruntime", "capi")}
	patterns = append(patterns, nodePatterns(path, filepath.Join(path, "node_modules"), filepath.Dir(path))...)
	patterns = append(patterns, nodeBinaries(here))
	for _, pattern := range patterns {
		if found := librariesAt(pattern); len(found) > 0 {
			return filepath.Abs(found[0])
		}
	}
	return "", fmt.Errorf("%w: %s names %s, a folder without %s", ErrNotFound, from, path, libraryNames()[0])
}

// libraryNames lists the patterns of the library's file name, best first.
func libraryNames() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.*.dylib"}
	default:
		return []string{"libonnxruntime.so", "libonnxruntime.so.*"}
	}
}

// libraryIn returns the library in a folder, "" when it has none. Of several
// versions the last in order of name is taken.
func libraryIn(folder string) string {
	for _, pattern := range libraryNames() {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(folder), pattern))
		slices.Sort(found)
		for _, file := range slices.Backward(found) {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file
			}
		}
	}
	return ""
}

// escapeGlob makes a path match only itself. Windows has no escapes and no such
// characters in the folders that are searched.
func escapeGlob(path string) string {
	if runtime.GOOS == "windows" {
		return path
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// unescapeGlob undoes escapeGlob.
func unescapeGlob(pattern string) string {
	if runtime.GOOS == "windows" {
		return pattern
	}
	return strings.NewReplacer(`\\`, `\`, `\*`, `*`, `\?`, `?`, `\[`, `[`).Replace(pattern)
}

// searchPatterns lists the folders that Find searches, in order, as patterns.
func searchPatterns() []string {
	var patterns []string
	var folders []string
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program), filepath.Join(filepath.Dir(program), "..", "lib"))
	}
	for _, folder := range append(folders, systemFolders()...) {
		patterns = append(patterns, escapeGlob(folder))
	}
	patterns = append(patterns, pythonPatterns()...)
	modules := filepath.SplitList(os.Getenv("NODE_PATH"))
	modules = append(modules, "/usr/local/lib/node_modules", "/usr/lib/node_modules", "/opt/homebrew/lib/node_modules")
	if appData := os.Getenv("APPDATA"); appData != "" {
		modules = append(modules, filepath.Join(appData, "npm", "node_modules"))
	}
	if here, err := os.Getwd(); err == nil {
		for ; ; here = filepath.Dir(here) {
			modules = append(modules, filepath.Join(here, "node_modules"))
			if here == filepath.Dir(here) {
				break
			}
		}
	}
	return append(patterns, nodePatterns(modules...)...)
}

// systemFolders lists where packages and installers put shared libraries.
func systemFolders() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{filepath.Join(os.Getenv("ProgramFiles"), "onnxruntime", "lib")}
	case "darwin":
		return append(filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH")),
			"/opt/homebrew/lib", "/usr/local/lib", "/opt/onnxruntime/lib")
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")),
		"/usr/local/lib", "/usr/lib/"+triplet, "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib")
}

// pythonPatterns lists onnxruntime/capi of every site-packages worth a look.
func pythonPatterns() []string {
	var prefixes []string
	add := func(path string, more ...string) {
		prefixes = append(prefixes, filepath.Join(append([]string{escapeGlob(path)}, more...)...))
	}
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := os.Getenv(name); prefix != "" {
			add(prefix)
		}
	}
	for _, name := range []string{"python3", "python"} {
		if program, err := exec.LookPath(name); err == nil {
			add(filepath.Dir(filepath.Dir(program)))
			add(filepath.Dir(program))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		add(filepath.Join(home, ".local"))
		add(home, ".pyenv", "versions", "*")
		add(home, "Library", "Python", "3.*")
	}
	for _, name := range []string{"APPDATA", "LOCALAPPDATA"} {
		if data := os.Getenv(name); data != "" {
			add(data, "Python", "Python3*")
			add(data, "Programs", "Python", "Python3*")
		}
	}
	add("/usr/local")
	add("/usr")

	var patterns []string
	for _, prefix := range prefixes {
		for _, lib := range sitePackages() {
			patterns = append(patterns, filepath.Join(prefix, filepath.FromSlash(lib), "onnxruntime", "capi"))
		}
	}
	return patterns
}

// sitePackages lists where Python keeps packages under its prefix.
func sitePackages() []string {
	if runtime.GOOS == "windows" {
		return []string{"Lib/site-packages", "site-packages"}
	}
	return []string{"lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages", "lib64/python3*/site-packages"}
}

// nodePatterns lists where the npm package onnxruntime-node keeps the library
// under each folder of node modules.
func nodePatterns(modules ...string) []string {
	var patterns []string
	for _, m := range modules {
		if m != "" {
			patterns = append(patterns, nodeBinaries(filepath.Join(escapeGlob(m), "onnxruntime-node")))
		}
	}
	return patterns
}

// nodeBinaries is the pattern of the folders of this platform's library in an
// unpacked onnxruntime-node.
func nodeBinaries(packageFolder string) string {
	system := map[string]string{"windows": "win32"}[runtime.GOOS]
	if system == "" {
		system = runtime.GOOS
	}
	machine := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	return filepath.Join(packageFolder, "bin", "napi-v*", system, machine)
}

// globs returns what matches, the last in order of name first, so that newer
// versions come before older ones.
func globs(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	slices.Sort(found)
	slices.Reverse(found)
	return found
}
