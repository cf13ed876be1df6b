package ssmstore

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Read implements store.Store. One GetParameters for every ten names reads and
// decrypts them. When all of them were read before, and not written since by
// this Store, it glances first: the same without decryption, which costs nothing
// at KMS. Where nothing encrypted is new or changed, the secrets are those that
// are remembered, and one of them is decrypted if no decryption has proven
// lately that the key can be used. Otherwise everything is read anew.
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
	known, writes, all := s.memory.recall(unique)
	if !all {
		return s.decrypt(ctx, unique, writes)
	}
	began := s.memory.now()
	found, err := s.get(ctx, unique, false)
	if err != nil {
		return nil, err
	}
	first := "" // of the encrypted ones
	for _, name := range unique {
		e, ok := found[name]
		if !ok || e.Kind == store.Plain {
			continue
		}
		if !same(e, known[name]) {
			return s.decrypt(ctx, unique, writes)
		}
		found[name] = known[name]
		if first == "" {
			first = name
		}
	}
	if first != "" {
		changed := false
		err := s.memory.prove(ctx, func() error {
			proof, err := s.decrypt(ctx, []string{first}, writes)
			changed = err == nil && !same(proof[first], found[first])
			maps.Copy(found, proof)
			return err
		})
		if err != nil {
			return nil, err
		}
		if changed { // since the glance: the others may have, too
			return s.decrypt(ctx, unique, writes)
		}
	}
	s.memory.remember(unique, writes, found, false, began)
	return found, nil
}

// decrypt reads names with their secrets, and remembers them.
func (s *Store) decrypt(ctx context.Context, names []string, writes map[string]int) (map[string]store.Entry, error) {
	began := s.memory.now()
	found, err := s.get(ctx, names, true)
	if err == nil {
		s.memory.remember(names, writes, found, true, began)
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
		for _, p := range out.Parameters {
			if found[aws.ToString(p.Name)], err = entry(p); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}
