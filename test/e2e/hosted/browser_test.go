package hosted

import (
	"context"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// screenshots is a folder for pictures of every page that a test looks at.
var screenshots = flag.String("screenshots", "", "`folder` to put pictures of the pages into")

// chromium is the one browser process; every browser of a test is a profile of
// its own in it.
var chromium context.Context

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "chromium-*")
	if err != nil {
		panic(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.IgnoreCertErrors, chromedp.UserDataDir(dir), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var end context.CancelFunc
	chromium, end = chromedp.NewContext(allocator)
	if err := chromedp.Do(chromium); err != nil {
		panic("chromium does not start; install it by tools/chromium.sh: " + err.Error())
	}
	code := m.Run()
	end()
	stop()
	_ = os.RemoveAll(dir)
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// browser is a person's browser: cookies of its own, and tabs.
type browser struct {
	s   *stage
	ctx context.Context
}

func (s *stage) browser() *browser {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	s.t.Cleanup(cancel)
	limited, end := context.WithTimeout(ctx, 90*time.Second)
	s.t.Cleanup(end)
	b := &browser{s, limited}
	b.do(chromedp.EmulateViewport(1200, 900))
	return b
}

// tab opens a second tab with the same cookies.
func (b *browser) tab() *browser {
	b.s.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.s.t.Cleanup(cancel)
	tab := &browser{b.s, ctx}
	tab.do(chromedp.EmulateViewport(1200, 900))
	return tab
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.s.t.Helper()
	require.NoError(b.s.t, chromedp.Do(b.ctx, steps...))
}

// open navigates, and returns the page's heading.
func (b *browser) open(address string) string {
	b.s.t.Helper()
	b.do(chromedp.Navigate(address))
	return b.text("h1")
}

// click clicks something that leads to another page, and returns its heading.
func (b *browser) click(selector string) string {
	b.s.t.Helper()
	_, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(b.s.t, err)
	at := b.location()
	if u, err := url.Parse(at); err == nil { // what a person's address bar shows is in play from here on
		b.s.secret(u.Query().Get("code"), u.Query().Get("state"))
	}
	return b.text("h1")
}

func (b *browser) text(selector string) string {
	b.s.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS(selector)))
	require.NoError(b.s.t, err)
	return strings.TrimSpace(text)
}

func (b *browser) location() string {
	b.s.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	require.NoError(b.s.t, err)
	return at
}

func evaluate[T any](b *browser, script string) T {
	b.s.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	require.NoError(b.s.t, err)
	return v
}

// look checks what must hold of every page, at the widths of a desk and of a
// phone, and takes its picture if pictures are wanted.
func (b *browser) look(name string) {
	t := b.s.t
	t.Helper()
	require.Equal(t, 1, evaluate[int](b, `document.querySelectorAll("h1").length`))
	require.Equal(t, 1, evaluate[int](b, `document.querySelectorAll("main").length`))
	require.Equal(t, "en", evaluate[string](b, `document.documentElement.lang`))
	require.NotEmpty(t, evaluate[string](b, `document.title`))
	require.Equal(t, 0, evaluate[int](b, `[...document.querySelectorAll("input:not([type=hidden])")].filter(i => !i.labels.length).length`), "every field has a label")
	require.Equal(t, 0, evaluate[int](b, `performance.getEntriesByType("resource").length`), "nothing is fetched")
	require.NotEqual(t, "none", evaluate[string](b, `getComputedStyle(document.querySelector("main")).boxShadow`), "the style sheet is in force")
	for _, view := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"desk", 1200, 900, false}, {"phone", 360, 740, false}, {"dark", 1200, 900, true}} {
		b.do(chromedp.EmulateViewport(view.width, view.height))
		require.LessOrEqual(t, evaluate[int](b, `document.documentElement.scrollWidth`), int(view.width), "%s at %s: nothing sticks out", name, view.name)
		scheme := "light"
		if view.dark {
			scheme = "dark"
		}
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		require.NoError(t, err)
		if *screenshots != "" {
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(*screenshots, name+"-"+view.name+".png"), picture, 0o600))
		}
	}
	b.do(chromedp.EmulateViewport(1200, 900))
}
