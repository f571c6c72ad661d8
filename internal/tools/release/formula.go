package main

import (
	"bytes"
	"fmt"
	"strings"
)

// formula is the text of a Homebrew formula that installs the archives.
func formula(version string, made []file) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `class OnnxRebasin < Formula
  desc "Merge trained networks as ONNX files"
  homepage "https://%s"
  version "%s"
  license "Apache-2.0"
`, module, strings.TrimPrefix(version, "v"))
	for _, system := range [][2]string{{"macos", "darwin"}, {"linux", "linux"}} {
		fmt.Fprintf(&b, "\n  on_%s do\n", system[0])
		for _, processor := range [][2]string{{"intel", "amd64"}, {"arm", "arm64"}} {
			archive := fmt.Sprintf("%s_%s_%s_%s.tar.gz", name, version, system[1], processor[1])
			for _, f := range made {
				if f.name == archive {
					fmt.Fprintf(&b, "    on_%s do\n      url \"https://%s/releases/download/%s/%s\"\n      sha256 \"%s\"\n    end\n", processor[0], module, version, archive, f.sum)
				}
			}
		}
		fmt.Fprint(&b, "  end\n")
	}
	fmt.Fprintf(&b, `
  def install
    bin.install "%[1]s"
    man1.install "%[1]s.1"
    bash_completion.install "completions/%[1]s.bash" => "%[1]s"
    zsh_completion.install "completions/_%[1]s"
    fish_completion.install "completions/%[1]s.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/%[1]s --version")
    assert_match "computes what B does", shell_output("#{bin}/%[1]s demo")
  end
end
`, name)
	return b.Bytes()
}
