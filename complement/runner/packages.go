package main

import (
	"fmt"
	"os/exec"
	"path"
	"strings"
)

const (
	complementModule = "github.com/matrix-org/complement"
	complementTests  = complementModule + "/tests"
	// imageTests is our own package: what Complement expects of the image, before Complement runs.
	imageTests = "hearth/complement/image"
)

// shortName is the last element of an import path, the name used on the command line and in the
// results file.
func shortName(importPath string) string {
	return path.Base(importPath)
}

// choosePackages turns short names into import paths; no name chooses our own package and all of
// Complement's. An unknown name and a Complement that cannot be had are errors.
func choosePackages(names []string) ([]string, error) {
	if len(names) == 1 && names[0] == shortName(imageTests) {
		return []string{imageTests}, nil
	}
	available, err := listPackages()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return available, nil
	}
	byName := map[string]string{}
	for _, importPath := range available {
		byName[shortName(importPath)] = importPath
	}
	chosen := make([]string, len(names))
	for i, name := range names {
		importPath, known := byName[name]
		if !known {
			return nil, fmt.Errorf("no package %q, there are: %s", name, shortNames(available))
		}
		chosen[i] = importPath
	}
	return chosen, nil
}

func listPackages() ([]string, error) {
	const onlyWithTests = `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}`
	list := exec.Command("go", "list", "-f", onlyWithTests, complementTests+"/...")
	output, err := list.Output()
	listed := strings.Fields(string(output))
	if err != nil || len(listed) == 0 {
		return nil, fmt.Errorf("%s cannot be had: %w\n%s", complementModule, errUnavailable,
			reasonOf(err))
	}
	return append([]string{imageTests}, listed...), nil
}

// reasonOf is what a failed command said, as far as it is known.
func reasonOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok {
		return strings.TrimSpace(string(exit.Stderr))
	}
	if err != nil {
		return err.Error()
	}
	return "go list names no package"
}

func shortNames(importPaths []string) string {
	names := make([]string, len(importPaths))
	for i, importPath := range importPaths {
		names[i] = shortName(importPath)
	}
	return strings.Join(names, " ")
}
