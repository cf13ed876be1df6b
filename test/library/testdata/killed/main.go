// Killed makes one tick over the program's store and kills its own process by
// SIGKILL at one of its calls to the store and to Atlassian. KILL says which:
// "before 3" is before the fourth call, "after 3" behind it. OFFSET is how far its
// clock is ahead of the machine's.
//
// It prints the tick's action, and then whether the stored access token works.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/keep/sqlstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

var calls atomic.Int32

// call makes one call, and dies where it is told to.
func call[T any](do func() (T, error)) (T, error) {
	n := calls.Add(1) - 1
	die("before", n)
	v, err := do()
	die("after", n)
	return v, err
}

func die(when string, n int32) {
	if os.Getenv("KILL") == fmt.Sprintf("%s %d", when, n) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			log.Fatal(err)
		}
		select {}
	}
}

type mortal struct{ keeper.Store }

func (m mortal) Read(ctx context.Context, names ...string) (map[string]keeper.Entry, error) {
	return call(func() (map[string]keeper.Entry, error) { return m.Store.Read(ctx, names...) })
}

func (m mortal) History(ctx context.Context, name string, from int64) ([]keeper.Entry, error) {
	return call(func() ([]keeper.Entry, error) { return m.Store.History(ctx, name, from) })
}

func (m mortal) Write(ctx context.Context, name string, value secret.Secret, kind keeper.Kind) (int64, error) {
	return call(func() (int64, error) { return m.Store.Write(ctx, name, value, kind) })
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	return call(func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) })
}

func main() {
	log.SetFlags(0)
	offset, err := time.ParseDuration(os.Getenv("OFFSET"))
	if err != nil {
		log.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(offset) }
	store, err := sqlstore.Open("tokens.db", now)
	if err != nil {
		log.Fatal(err)
	}
	m := mortal{store}
	client := atlassian.Client{AuthURL: os.Getenv("ATLASSIAN_AUTH_URL"), APIURL: os.Getenv("ATLASSIAN_API_URL")}
	dying := client
	dying.HTTPClient = &http.Client{Transport: m}
	k := keeper.New(m, keeper.Options{Endpoint: &dying, Now: now, Log: slog.Default()})
	jira := keeper.Connection{Name: "JIRA_"}
	fmt.Println(k.Tick(context.Background(), jira).Action)
	fmt.Println(calls.Load(), "calls")

	access, err := keeper.New(store, keeper.Options{}).AccessToken(context.Background(), jira)
	if err == nil {
		_, err = client.AccessibleResources(context.Background(), access)
	}
	fmt.Println("access token:", err)
}
