package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// root is the folder of the program's module.
const root = "../.."

// chromium finds the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("no Chromium here; $CHROMIUM names one")
	return ""
}

// pages makes the pages that are looked at: of merges and of a barrier.
func pages(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "onnx-rebasin")
	build := exec.Command("go", "build", "-o", program, "./cmd/onnx-rebasin")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	fixtures, err := filepath.Abs(filepath.Join(root, "fixtures"))
	if err != nil {
		t.Fatal(err)
	}
	test, calib := filepath.Join(fixtures, "mnist_test.npz"), filepath.Join(fixtures, "mnist_calib.npz")
	out := map[string]string{}
	for name, args := range map[string][]string{
		"merge":   {"merge", "mlp/a.onnx", "mlp/b.onnx", "-o", filepath.Join(dir, "m.onnx"), "--effort", "fast", "--data", test},
		"repair":  {"merge", "resnet/a.onnx", "resnet/b.onnx", "-o", filepath.Join(dir, "r.onnx"), "--effort", "fast", "--data", test, "--limit", "200", "--calib", calib, "--repair", "bn"},
		"many":    {"merge", "mlp/a.onnx", "mlp/b.onnx", "mlp/c.onnx", "-o", filepath.Join(dir, "n.onnx"), "--effort", "fast", "--data", test, "--limit", "200"},
		"barrier": {"barrier", "mlp/a.onnx", "mlp/c.onnx", "--effort", "fast", "--data", test, "--limit", "200", "--points", "5"},
		"series":  {"barrier", "--series", "mlp/a.onnx,mlp/b.onnx,mlp/c.onnx", "--with", "mlp/b.onnx,mlp/c.onnx,mlp/a.onnx", "--times", "1,2.5,10", "--effort", "fast", "--data", test, "--limit", "200", "--points", "5"},
	} {
		out[name] = filepath.Join(dir, name+".html")
		c := exec.Command(program, append(args, "--quiet", "--report", out[name])...)
		c.Dir = fixtures
		if text, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
	return out
}

// browser starts a browser of its own for the time of a test.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1200, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Each page loads without a complaint and without fetching anything, shows its
// pictures, sorts its tables by click and by keyboard, and can be read in the dark,
// on a narrow screen and on paper.
func TestPages(t *testing.T) {
	chromium(t)
	files := pages(t)
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			b := &tab{t: t, ctx: browser(t), name: name}
			b.open(file)
			switch name {
			case "many":
				b.distances(3)
			case "series":
				b.pictures(0)
				b.lines("#times", 4)
			default:
				b.pictures(2)
				b.lines("#curve", 4)
				b.sorts()
			}
			b.keyboard()
			b.contrast("light")
			b.shot("light")
			b.dark()
			b.narrow()
			b.paper()
			if len(b.complaints) > 0 {
				t.Errorf("the browser complains:\n%s", strings.Join(b.complaints, "\n"))
			}
		})
	}
}

// tab is a page in the browser.
type tab struct {
	t          *testing.T
	ctx        context.Context
	name       string
	complaints []string // and whatever was fetched
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval gives the value of an expression.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	var out T
	b.run(chromedp.Evaluate(script, &out))
	return out
}

func (b *tab) open(file string) {
	b.t.Helper()
	chromedp.ListenTarget(b.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			b.complaints = append(b.complaints, fmt.Sprint("console: ", e.Type))
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, "data:") && u != "file://"+file {
				b.complaints = append(b.complaints, "fetched "+u)
			}
		}
	})
	b.run(network.Enable(), log.Enable(), runtime.Enable(), chromedp.Navigate("file://"+file), chromedp.WaitVisible("#again", chromedp.ByID))
}

// distances wants two tables of how far n models are from each other, the near ones darker.
func (b *tab) distances(n int) {
	b.t.Helper()
	if cells := eval[int](b, `document.querySelectorAll("#between td").length`); cells != 2*n*n {
		b.t.Errorf("%d distances of %d models", cells, n)
	}
	if shades := eval[int](b, `new Set([...document.querySelectorAll("#between td")].map(d => getComputedStyle(d).backgroundColor)).size`); shades < 3 {
		b.t.Errorf("%d shades of distances", shades)
	}
}

// lines wants n lines or more in the plots of a part.
func (b *tab) lines(part string, n int) {
	b.t.Helper()
	if drawn := eval[int](b, fmt.Sprintf(`document.querySelectorAll("%s path.line").length`, part)); drawn < n {
		b.t.Errorf("%d lines in %s", drawn, part)
	}
}

// pictures wants every picture to be there, with a size and a text, and some heat maps among them.
func (b *tab) pictures(heatMaps int) {
	b.t.Helper()
	got := eval[[]string](b, `[...document.querySelectorAll("img, svg[role=img]")].map(p => {
		const box = p.getBoundingClientRect();
		const shown = box.width > 20 && box.height > 10 && (p.tagName !== "IMG" || p.complete && p.naturalWidth > 0);
		const named = p.getAttribute("alt") || p.getAttribute("aria-label") || p.querySelector("title")?.textContent;
		return (shown ? "" : "not shown ") + (named ? "" : "not named ") + p.tagName.toLowerCase();
	})`)
	if n := strings.Count(strings.Join(got, " "), "img"); n != heatMaps {
		b.t.Errorf("%d heat maps", n)
	}
	for _, p := range got {
		if strings.HasPrefix(p, "not ") {
			b.t.Errorf("a picture is %s", p)
		}
	}
}

// column lists the values of a column of the table of layers.
func (b *tab) column(k int) []float64 {
	b.t.Helper()
	return eval[[]float64](b, fmt.Sprintf(`[...document.querySelector("#layers table").tBodies[0].rows].map(r => Number(r.cells[%d].dataset.v))`, k))
}

// sorts clicks on a head of the table of layers, twice, and sorts by the return key.
func (b *tab) sorts() {
	b.t.Helper()
	before := b.column(3)
	for _, want := range []string{"ascending", "descending"} {
		b.run(chromedp.Click(`#layers th:nth-child(4) button`, chromedp.ByQuery))
		got := b.column(3)
		sorted := slices.Sorted(slices.Values(before))
		if want == "descending" {
			slices.Reverse(sorted)
		}
		if !slices.Equal(got, sorted) || slices.Equal(got, before) {
			b.t.Errorf("clicked, the column is %v, want it %s", got, want)
		}
		if said := eval[string](b, `document.querySelector("#layers th:nth-child(4)").ariaSort`); said != want {
			b.t.Errorf("the head says %q, want %q", said, want)
		}
	}
	names := `[...document.querySelector("#layers table").tBodies[0].rows].map(r => r.cells[0].textContent)`
	b.run(chromedp.Click(`#layers th:nth-child(1) button`, chromedp.ByQuery))
	if got := eval[[]string](b, names); !slices.IsSorted(got) {
		b.t.Errorf("sorted by name: %v", got)
	}
	b.run(chromedp.Focus(`#layers th:nth-child(3) button`, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	if got := b.column(2); !slices.IsSorted(got) {
		b.t.Errorf("after the return key the column is %v", got)
	}
}

// keyboard walks through the page with the tab key.
func (b *tab) keyboard() {
	b.t.Helper()
	buttons := eval[int](b, `document.querySelectorAll("th button").length`)
	reached := map[string]bool{}
	b.run(chromedp.Evaluate(`document.querySelectorAll("th button").forEach((x, i) => x.dataset.nth = i); document.activeElement.blur(); window.scrollTo(0, 0)`, nil))
	for range 4*buttons + 40 {
		b.run(chromedp.KeyEvent(kb.Tab))
		nth := eval[string](b, `document.activeElement?.dataset?.nth ?? ""`)
		if nth == "" {
			continue
		}
		reached[nth] = true
		if outline := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
			b.t.Errorf("button %s does not show that it has the focus", nth)
		}
		if len(reached) == buttons {
			break
		}
	}
	if len(reached) != buttons {
		b.t.Errorf("the tab key reaches %d of %d buttons", len(reached), buttons)
	}
}

// contrast wants text to stand out from the page, as WCAG 2 asks of body text.
func (b *tab) contrast(scheme string) {
	b.t.Helper()
	for what, selector := range map[string]string{"text": "body", "soft text": ".facts dt", "code": "pre code", "hints": ".hints li, body"} {
		got := eval[float64](b, fmt.Sprintf(`(() => {
			const element = document.querySelector(%q);
			const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
				return .2126 * r + .7152 * g + .0722 * b; };
			let behind = element;
			while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
			const [x, y] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)].sort((p, q) => q - p);
			return (x + .05) / (y + .05);
		})()`, selector))
		if got < 4.5 {
			b.t.Errorf("%s on the %s page has a contrast of %.1f, want 4.5", what, scheme, got)
		}
	}
}

func background(b *tab) string {
	return eval[string](b, `getComputedStyle(document.body).backgroundColor`)
}

// dark looks at the page as those who prefer it dark.
func (b *tab) dark() {
	b.t.Helper()
	light := background(b)
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	if background(b) == light {
		b.t.Error("the page is no darker for those who prefer it dark")
	}
	b.contrast("dark")
	b.shot("dark")
}

// narrow wants the page to fit a phone's screen.
func (b *tab) narrow() {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(360, 740))
	if width := eval[int](b, `document.documentElement.scrollWidth`); width > 360 {
		b.t.Errorf("the page is %d wide on a screen of 360", width)
	}
	b.shot("narrow")
	b.run(chromedp.EmulateViewport(1200, 900))
}

// paper prints the page: black on white, without what paper cannot do.
func (b *tab) paper() {
	b.t.Helper()
	b.run(emulation.SetEmulatedMedia().WithMedia("print").WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	if got := background(b); got != "rgb(255, 255, 255)" {
		b.t.Errorf("the page is printed on %s", got)
	}
	if got := eval[string](b, `getComputedStyle(document.querySelector("th button"), "::after").content`); got != "none" {
		b.t.Errorf("arrows of heads are printed: %s", got)
	}
	var pdf []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPrintBackground(true).Do(ctx)
		return err
	}))
	if !strings.HasPrefix(string(pdf), "%PDF") {
		b.t.Error("the page does not print")
	}
	b.keep("paper.pdf", pdf)
}

// shot keeps a picture of the whole page.
func (b *tab) shot(what string) {
	b.t.Helper()
	if os.Getenv("BROWSERTEST_SHOTS") == "" {
		return
	}
	var png []byte
	b.run(chromedp.FullScreenshot(&png, 100))
	b.keep(what+".png", png)
}

func (b *tab) keep(what string, data []byte) {
	b.t.Helper()
	if dir := os.Getenv("BROWSERTEST_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, b.name+"-"+what), data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}
