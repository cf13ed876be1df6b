package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// The list must fit the code: a mutant whose text is gone tests nothing.
func TestEveryMutantApplies(t *testing.T) {
	all := mutants()
	require.GreaterOrEqual(t, len(all), 90)
	names, quick := map[string]bool{}, 0
	for _, m := range all {
		if m.quick {
			quick++
		}
		t.Run(m.name, func(t *testing.T) {
			require.NotContains(t, names, m.name)
			names[m.name] = true
			require.NotEmpty(t, m.breaks)
			require.NotEmpty(t, m.why)
			changed, err := m.apply(root)
			require.NoError(t, err)
			require.NotEmpty(t, changed)
			for _, e := range m.edits {
				require.NotEqual(t, e.old, e.new)
			}
		})
	}
	require.NotZero(t, quick)
}

func TestAMutantIsFoundInItsPackage(t *testing.T) {
	apply := func(edits ...edit) (sources, error) { return mutant{edits: edits}.apply(root) }
	const folder, unique = "internal/family", "var stack [1024]byte\n\tsum := "
	t.Run("the file is found", func(t *testing.T) {
		changed, err := apply(edit{folder, unique, "once changed"}, edit{folder, "once changed", "twice changed"})
		require.NoError(t, err)
		require.Len(t, changed, 1)
		require.Contains(t, changed[folder+"/fingerprint.go"], "twice changed")
		require.NotContains(t, changed[folder+"/fingerprint.go"], "once changed")
	})
	for name, e := range map[string]edit{
		"it is gone":                {folder, "no such text", ""},
		"it is in two files":        {folder, "package family\n\nimport (", ""},
		"it is in a test only":      {folder, "func TestPast", ""},
		"it is in a subfolder only": {folder, "package tokenform", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(e)
			require.ErrorContains(t, err, "times in the files of internal/family, expected once")
		})
	}
	t.Run("there is no such folder", func(t *testing.T) {
		_, err := apply(edit{"internal/none", "a", "b"})
		require.ErrorContains(t, err, "internal/none")
	})
}

// The harness tells caught, survived and broken apart.
func TestVerdicts(t *testing.T) {
	s, err := newSuite(t.Context())
	require.NoError(t, err)
	defer s.close()
	s.packages = []string{"./internal/family"}
	fingerprint := func(name, old, new string) mutant {
		return mutant{name: name, edits: []edit{{"internal/family", old, new}}}
	}

	by, err := s.test(t.Context(), fingerprint("caught", "return Fingerprint(hex.EncodeToString(sum[:6]))", "return Fingerprint(hex.EncodeToString(sum[:0]))"))
	require.NoError(t, err)
	require.Regexp(t, `^family\.Test`, by)
	by, err = s.test(t.Context(), fingerprint("survivor", "[1024]byte\n\tsum", "[1025]byte\n\tsum"))
	require.NoError(t, err)
	require.Empty(t, by)
	_, err = s.test(t.Context(), fingerprint("broken", "sum[:6]", "sum[:6"))
	require.ErrorContains(t, err, "does not compile")
}

// What ends the process leaves the running test without a verdict.
func TestATestThatEndsTheProcessFails(t *testing.T) {
	output := func(says string) []byte {
		return []byte(`{"Action":"run","Test":"TestA"}
{"Action":"pass","Test":"TestA"}
{"Action":"run","Test":"TestB"}
{"Action":"output","Output":"=== RUN   TestB\n"}
{"Action":"output","Output":"` + says + `\n"}
{"Action":"fail"}
`)
	}
	for name, says := range map[string]string{
		"an endless loop":   "panic: test timed out after 10m0s",
		"a runtime's error": "fatal error: all goroutines are asleep - deadlock!",
	} {
		t.Run(name, func(t *testing.T) {
			by, err := failure(output(says))
			require.NoError(t, err)
			require.Equal(t, "TestB", by)
		})
	}
	t.Run("but not without a reason", func(t *testing.T) {
		_, err := failure(output("exit status 1"))
		require.ErrorContains(t, err, "none of them by name")
	})
}
