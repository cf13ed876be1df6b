package paging

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// TestTheDocumentIsCurrent: the table of docs/alarms.md is what the command
// prints.
func TestTheDocumentIsCurrent(t *testing.T) {
	const document = "../../../docs/alarms.md"
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	_, rest, begins := strings.Cut(string(text), "<!-- scenarios: written by make alarms -->\n")
	table, _, ends := strings.Cut(rest, "<!-- end of scenarios -->\n")
	require.True(t, begins && ends, "the markers around the table are gone")

	all, err := results()
	require.NoError(t, err)
	var now bytes.Buffer
	var list []scenario.Result
	for _, o := range all {
		list = append(list, o.Result)
	}
	scenario.Table(&now, list)
	require.Equal(t, now.String(), table, "run make alarms and look at what has changed")
}
