package gcpstore

import (
	"context"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// castagnoli is the checksum that Secret Manager keeps with a payload.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// number is the version's in its resource name, or 0.
func number(resource string) int64 {
	_, last, found := strings.Cut(resource, "/versions/")
	n, err := strconv.ParseInt(last, 10, 64)
	if !found || err != nil || n < 1 {
		return 0
	}
	return n
}

// version is one version of a secret as far as it is known.
type version struct {
	number int64
	state  secretmanagerpb.SecretVersion_State
	at     time.Time
	value  atlassian.Secret
	// closed: the payload cannot be accessed.
	closed bool
}

// describe reads the metadata of a version: by its number, or as "latest". The zero
// version means that there is none.
func (a *api) describe(ctx context.Context, name, which string, clock *clock) (version, error) {
	found, err := call(ctx, calling{what: "GetSecretVersion", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.SecretVersion, error) {
		return a.client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: a.version(name, which)}, o...)
	})
	if codeOf(err) == codes.NotFound {
		return version{}, nil
	}
	return versionOf(found), err
}

func versionOf(v *secretmanagerpb.SecretVersion) version {
	return version{number: number(v.GetName()), state: v.GetState(), at: v.GetCreateTime().AsTime()}
}

// access reads the payload of a version by its number. exists is false if there is
// no such version. One that is disabled or destroyed exists, and is closed.
func (a *api) access(ctx context.Context, name string, v *version, clock *clock) (exists bool, err error) {
	found, err := call(ctx, calling{what: "AccessSecretVersion", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.AccessSecretVersionResponse, error) {
		return a.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: a.version(name, strconv.FormatInt(v.number, 10))}, o...)
	})
	switch codeOf(err) {
	case codes.NotFound:
		return false, nil
	case codes.FailedPrecondition:
		v.closed = true
		return true, nil
	case codes.OK:
	default:
		return false, err
	}
	payload := found.GetPayload()
	if payload.DataCrc32C != nil && *payload.DataCrc32C != int64(checksum(payload.GetData())) {
		return false, fmt.Errorf("%s: version %d arrived damaged: its checksum differs; try again", name, v.number)
	}
	v.value, v.closed = atlassian.NewSecret(payload.GetData()), false
	return true, nil
}

// last reads a version and those that follow it, and returns the last of them; the
// zero version if not even the first exists. From 0 it begins with the first version
// that can exist.
func (a *api) last(ctx context.Context, name string, from int64, clock *clock) (v version, exists bool, err error) {
	two, found := [2]version{{number: from}, {number: from + 1}}, [2]bool{}
	err = each(ctx, 2, func(ctx context.Context, i int) (err error) {
		if two[i].number > 0 {
			found[i], err = a.access(ctx, name, &two[i], clock)
		}
		return err
	})
	if err != nil || !found[0] && from > 0 {
		return version{}, false, err
	}
	v = two[0]
	for next, follows := two[1], found[1]; follows; {
		v, next = next, version{number: next.number + 1}
		if follows, err = a.access(ctx, name, &next, clock); err != nil {
			return version{}, false, err
		}
	}
	return v, v.number > 0, nil
}

// list hands the metadata of the versions to yield, the newest first, until that
// returns false.
func (a *api) list(ctx context.Context, name string, clock *clock, yield func(version) bool) error {
	_, err := call(ctx, calling{what: "ListSecretVersions", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (struct{}, error) {
		found := a.client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: a.secret(name), PageSize: store.KeptVersions}, o...)
		for v, err := range found.All() {
			if err != nil {
				return struct{}{}, err
			}
			if !yield(versionOf(v)) {
				break
			}
		}
		return struct{}{}, nil
	})
	if codeOf(err) == codes.NotFound {
		return nil
	}
	return err
}

// add adds a version, and returns its number and when it was added.
func (a *api) add(ctx context.Context, name string, value atlassian.Secret) (version, error) {
	data := value.AppendReveal(nil)
	sum := int64(checksum(data))
	added, err := call(ctx, calling{what: "AddSecretVersion", name: name, changes: true}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.SecretVersion, error) {
		return a.client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{Parent: a.secret(name),
			Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum}}, o...)
	})
	if err != nil {
		return version{}, err
	}
	if v := versionOf(added); v.number > 0 {
		return v, nil
	}
	return version{}, fmt.Errorf("%s: Secret Manager answered without a version: the write may have taken effect", name)
}

// destroy destroys a version by its number. That another has done so meanwhile is no
// error.
func (a *api) destroy(ctx context.Context, name string, number int64) error {
	_, err := call(ctx, calling{what: "DestroySecretVersion", name: name}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.SecretVersion, error) {
		return a.client.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: a.version(name, strconv.FormatInt(number, 10))}, o...)
	})
	if code := codeOf(err); code == codes.FailedPrecondition || code == codes.NotFound {
		return nil
	}
	return err
}

// entry turns a version into an Entry, without a value where it was destroyed.
func (v version) entry(name string) (*store.Entry, error) {
	if v.closed && v.state != secretmanagerpb.SecretVersion_DESTROYED {
		if v.state == secretmanagerpb.SecretVersion_DISABLED {
			return nil, fmt.Errorf("%s: version %d is disabled: enable it, or destroy it if it must not count: %w", name, v.number, store.ErrDenied)
		}
		return nil, fmt.Errorf("%s: version %d cannot be accessed: it is being disabled or destroyed, or the secret's own encryption key cannot be used: %w", name, v.number, store.ErrDenied)
	}
	return &store.Entry{Value: v.value, Version: v.number, Modified: v.at, Kind: store.Encrypted}, nil
}
