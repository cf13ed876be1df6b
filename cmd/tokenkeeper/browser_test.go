package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
)

// browserMain is a person with a browser: it opens the address in its only
// argument and does on the emulator's consent page what the variable PERSON
// says: "accept" (or nothing), "cancel", or "ignore". SITE picks a cloud id. The
// address that it ends up at goes into the file ENDED_AT, if that is set.
func browserMain() {
	if err := browse(os.Args[1], os.Getenv("PERSON"), os.Getenv("SITE"), os.Getenv("ENDED_AT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func browse(address, person, site, endedAt string) error {
	if person == "ignore" {
		return nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	last := ""
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		last = r.URL.String()
		return nil
	}}
	page, err := client.Get(address)
	if err != nil {
		return err
	}
	if err := page.Body.Close(); err != nil {
		return err
	}
	if page.StatusCode != http.StatusOK {
		return fmt.Errorf("the consent page: %s", page.Status)
	}
	form := url.Values{"action": {"accept"}, "site": {site}}
	if person == "cancel" {
		form.Set("action", "cancel")
	}
	done, err := client.Post(page.Request.URL.String(), "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err == nil {
		err = done.Body.Close()
	}
	if endedAt != "" { // nothing need listen where it ends
		return os.WriteFile(endedAt, []byte(last), 0o600)
	}
	return err
}
