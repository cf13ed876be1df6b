package ssmstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// worthwhile is how many secrets must be remembered for a glance to be worth its
// call. The two that a rotation reads between intent and spend are one less.
const worthwhile = 2

// Read implements store.Store: one GetParameters for every ten names, which
// decrypts them. Once secrets are remembered, it glances first: the same without
// decryption, which costs nothing at KMS. What is encrypted and new or changed
// is then decrypted; if nothing is, one secret, unless a decryption has proven
// lately that the key can be used. The answer is the state that the glance saw:
// if what is decrypted has changed since, everything is read anew.
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
	known, writes := s.memory.recall(unique)
	if len(known) < worthwhile {
		return s.decrypt(ctx, unique, writes)
	}
	found, err := s.get(ctx, unique, false)
	if err != nil {
		return nil, err
	}
	var changed, unchanged []string
	for _, name := range unique {
		e, ok := found[name]
		if !ok || e.Kind == store.Plain {
			continue
		}
		if !same(e, known[name]) {
			changed = append(changed, name)
			continue
		}
		unchanged = append(unchanged, name)
		k := known[name]
		k.ReadAt = e.ReadAt
		found[name] = k
	}
	overtaken := false
	decrypt := func(names []string) error {
		read, err := s.decrypt(ctx, names, writes)
		for _, name := range names {
			overtaken = overtaken || !same(read[name], found[name])
		}
		maps.Copy(found, read)
		return err
	}
	switch {
	case len(changed) > 0:
		err = decrypt(changed)
	case len(unchanged) > 0:
		err = s.memory.prove(ctx, func() error { return decrypt(unchanged[:1]) })
	}
	if err != nil {
		return nil, err
	}
	if overtaken {
		return s.decrypt(ctx, unique, writes)
	}
	alignReadAt(found)
	return found, nil
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
	for batch := range slices.Chunk(names, maxNames) {
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
