package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"
)

// A row of the results file is one test or subtest of one package. Package is the short name.
type testID struct {
	Package string
	Test    string
}

// topLevel is the name of the Go test function that the test is or is part of.
func (id testID) topLevel() string {
	name, _, _ := strings.Cut(id.Test, "/")
	return name
}

// depth is 0 for a test function and 1 more for each level of subtests.
func (id testID) depth() int {
	return strings.Count(id.Test, "/")
}

type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// results maps every known test to its latest outcome.
type results map[testID]outcome

// readResults reads a results file; one that does not exist yet is empty.
func readResults(path string) (results, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return results{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read := results{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s:%d: want package, test and result", path, number)
		}
		result := outcome(fields[2])
		if result != pass && result != fail && result != skip {
			return nil, fmt.Errorf("%s:%d: unknown result %q", path, number, fields[2])
		}
		read[testID{fields[0], fields[1]}] = result
	}
	return read, lines.Err()
}

// write replaces the results file, sorted, in one step.
func (r results) write(path string) error {
	lines := make([]string, 0, len(r))
	for id, result := range r {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\n", id.Package, id.Test, result))
	}
	sort.Strings(lines)
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// merge puts the outcome of one run into r.
//
// A run of whole test functions replaces their rows, so that subtests which no longer exist go
// away. A run of chosen subtests only sets rows at their depth or deeper: what it says of their
// parents holds for a part of them. In an aborted run, a known test that was in scope and did not
// report has failed.
func (r results) merge(run packageRun, scope scope) {
	for id, before := range r {
		if id.Package != run.Package || !scope.includes(id) {
			continue
		}
		if _, reported := run.Results[id]; reported {
			continue
		}
		if run.Aborted && before != fail {
			r[id] = fail
		} else if !run.Aborted && scope.wholeTests() {
			delete(r, id)
		}
	}
	for id, result := range run.Results {
		if scope.includes(id) {
			r[id] = result
		}
	}
}
