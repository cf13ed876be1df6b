package ssmstore

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// worthwhile is how many secrets must be remembered for a glance to be worth its
// call. The two that a rotation reads between intent and spend are one less.
const worthwhile = 2

// Read implements store.Store: one GetParameters for every ten names, which
// decrypts them. Once secrets are remembered, it glances instead: the same without
// decryption, which costs nothing at KMS. Beside the glance it decrypts what this
// Store wrote itself. If that is nothing, and no recent decryption has proven the
// key, it decrypts one secret. What the glance shows as encrypted and new or
// changed is then decrypted.
//
// The answer is the state that the glance saw. If what is decrypted differs,
// everything is read again.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unique := make([]string, 0, len(names))
	for _, name := range names {
		if err := store.CheckName(name); err != nil {
			return nil, err
		}
		if !slices.Contains(unique, name) {
			unique = append(unique, name)
		}
	}
	r := s.memory.recall(unique)
	if len(r.known) < worthwhile {
		return s.decrypt(ctx, unique, r.writes)
	}
	found, consistent, err := s.glance(ctx, unique, r)
	if err != nil {
		return nil, err
	}
	if !consistent {
		return s.decrypt(ctx, unique, r.writes)
	}
	alignReadAt(found)
	return found, nil
}

// glance reads names as Read says. It is inconsistent if a parameter was written
// between two of its calls.
func (s *Store) glance(ctx context.Context, names []string, r recalled) (found map[string]store.Entry, consistent bool, err error) {
	beside, stop := s.decryptBeside(ctx, names, r)
	defer stop()
	found, err = s.get(ctx, names, false)
	if err != nil {
		return nil, false, err
	}
	early := <-beside
	if early.err != nil || !early.fits(found) {
		return nil, false, early.err
	}
	maps.Copy(found, early.found)

	var changed, unchanged []string
	for _, name := range names {
		e, ok := found[name]
		switch {
		case !ok || e.Kind == store.Plain || slices.Contains(early.names, name):
		case same(e, r.known[name]):
			unchanged = append(unchanged, name)
			remembered := r.known[name]
			remembered.ReadAt = e.ReadAt
			found[name] = remembered
		default:
			changed = append(changed, name)
		}
	}
	late := decrypted{}
	switch {
	case len(changed) > 0:
		late = s.decryptOnly(ctx, changed, r)
	case len(unchanged) > 0:
		// No call is made if the key was proven beside the glance, as it mostly is.
		late = s.prove(ctx, unchanged[0], r)
	}
	consistent = late.fits(found)
	maps.Copy(found, late.found)
	return found, consistent, late.err
}

// decrypted is what was decrypted of the given names.
type decrypted struct {
	names []string
	found map[string]store.Entry
	err   error
}

// fits reports whether a glance saw the same writes.
func (d decrypted) fits(glance map[string]store.Entry) bool {
	return !slices.ContainsFunc(d.names, func(name string) bool { return !same(d.found[name], glance[name]) })
}

// decryptBeside decrypts in the background what a glance at names would find
// changed, or else what proves the key. stop ends it.
func (s *Store) decryptBeside(ctx context.Context, names []string, r recalled) (result <-chan decrypted, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan decrypted, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if len(r.unread) > 0 {
			done <- s.decryptOnly(ctx, r.unread, r)
			return
		}
		first := slices.IndexFunc(names, func(name string) bool { _, ok := r.known[name]; return ok })
		done <- s.prove(ctx, names[first], r)
	})
	return done, func() { cancel(); wg.Wait() }
}

// prove decrypts a secret unless a decryption has proven the key lately.
func (s *Store) prove(ctx context.Context, name string, r recalled) (d decrypted) {
	err := s.memory.prove(ctx, func() error {
		d = s.decryptOnly(ctx, []string{name}, r)
		return d.err
	})
	d.err = err
	return d
}

func (s *Store) decryptOnly(ctx context.Context, names []string, r recalled) decrypted {
	found, err := s.decrypt(ctx, names, r.writes)
	return decrypted{names: names, found: found, err: err}
}

// decrypt reads names with their secrets, and remembers them.
func (s *Store) decrypt(ctx context.Context, names []string, writes map[string]int) (map[string]store.Entry, error) {
	began := s.memory.now()
	found, err := s.get(ctx, names, true)
	if err == nil {
		s.memory.remember(names, writes, found, began)
	}
	return found, err
}

// get is one GetParameters for every ten names. Without decryption the value of
// an Encrypted entry is its ciphertext.
func (s *Store) get(ctx context.Context, names []string, decrypted bool) (map[string]store.Entry, error) {
	found := make(map[string]store.Entry, len(names))
	for batch := range slices.Chunk(names, store.NamesPerCall) {
		out, err := s.client.GetParameters(ctx, &ssm.GetParametersInput{Names: batch, WithDecryption: aws.Bool(decrypted)})
		if err != nil {
			return nil, describe(ctx, "GetParameters", batch[0], len(batch)-1, err)
		}
		readAt := serverTime(out.ResultMetadata)
		for _, p := range out.Parameters {
			e, err := entry(p)
			if err != nil {
				return nil, err
			}
			e.ReadAt = readAt
			found[aws.ToString(p.Name)] = e
		}
	}
	alignReadAt(found)
	return found, nil
}

// alignReadAt lets all entries have the latest ReadAt among them.
func alignReadAt(found map[string]store.Entry) {
	var latest time.Time
	for _, e := range found {
		latest = later(latest, e.ReadAt)
	}
	for name, e := range found {
		e.ReadAt = latest
		found[name] = e
	}
}
