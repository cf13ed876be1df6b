package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// billOfMaterials is a CycloneDX file without what differs between two runs: its
// time, and the hashes of the program that wrote it.
func billOfMaterials(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var bill object
	if err := json.Unmarshal(content, &bill); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	components, _ := bill["components"].([]any)
	metadata, _ := bill["metadata"].(object)
	if len(components) == 0 || metadata == nil {
		return nil, fmt.Errorf("%s names no components", path)
	}
	delete(metadata, "timestamp")
	tools, _ := metadata["tools"].([]any)
	for _, tool := range tools {
		if tool, ok := tool.(object); ok {
			delete(tool, "hashes")
		}
	}
	out, err := json.MarshalIndent(bill, "", " ")
	return append(out, '\n'), err
}
