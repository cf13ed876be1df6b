package config

// version is set by the linker; see the Makefile.
var version = "unknown"

// Version is the tag and commit that the binary was built from, as git describe
// writes them, such as v1.2.0-3-g0123456789ab: "-dirty" at its end means
// uncommitted changes. It is "unknown" where nobody said.
func Version() string { return version }
