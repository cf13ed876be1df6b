// Package deploy tests the files of deploy for those who run tokenkeeper without
// Lambda: the alerts, the unit, the manifest and the image. Each is checked by its
// own tool, and against the program and the template that it belongs to.
//
// `make lint` has hadolint and kubernetes-validate. The image itself is not built
// here: its base images come from a registry of containers.
package deploy
