// Package browsertest looks at the pages of onnx-rebasin in a browser. It is a
// module of its own, so that the library does not depend on what drives the browser.
//
// The tests skip where there is no Chromium, which is looked for under its usual
// names and in $CHROMIUM. With $BROWSERTEST_SHOTS they leave pictures of the pages in
// that folder.
package browsertest
