package main

import (
	"fmt"
	"io"
	"sort"
)

// attemptsMax is how often a test that should pass may fail before it counts as broken.
const attemptsMax = 3

// comparison is what a run says against the committed results.
type comparison struct {
	// Broken tests are listed as passing and did not pass in any attempt.
	Broken []testID
	// NewPasses are tests that passed and are not listed as passing.
	NewPasses []testID
}

// regressions are the tests in scope that the committed results call passing and that did not pass.
func regressions(committed results, run packageRun, scope scope) []testID {
	var found []testID
	for id, expected := range committed {
		if id.Package == run.Package && scope.includes(id) && expected == pass &&
			run.Results[id] != pass {
			found = append(found, id)
		}
	}
	sortIDs(found)
	return found
}

func newPasses(committed results, run packageRun, scope scope) []testID {
	var found []testID
	for id, result := range run.Results {
		if scope.includes(id) && result == pass && committed[id] != pass {
			found = append(found, id)
		}
	}
	sortIDs(found)
	return found
}

// retry runs again, up to attemptsMax attempts in all, the test functions that the suspects belong
// to, and returns the suspects that never passed. Whole functions, because a subtest may build on
// its siblings; judged are only the suspects.
func retry(suspects []testID, again func(scope) (packageRun, error)) ([]testID, error) {
	for attempt := 2; attempt <= attemptsMax && len(suspects) > 0; attempt++ {
		run, err := again(exactly(topLevelNames(suspects)))
		if err != nil {
			return nil, err
		}
		var still []testID
		for _, id := range suspects {
			if run.Results[id] != pass {
				still = append(still, id)
			}
		}
		suspects = still
	}
	return suspects, nil
}

// print tells what a comparison found; true when nothing is broken.
func (c comparison) print(output io.Writer) bool {
	for _, id := range c.NewPasses {
		fmt.Fprintf(output, "new pass: %s %s\n", id.Package, id.Test)
	}
	for _, id := range c.Broken {
		fmt.Fprintf(output, "BROKEN (failed %d times): %s %s\n", attemptsMax, id.Package, id.Test)
	}
	return len(c.Broken) == 0
}

func topLevelNames(ids []testID) []string {
	seen := map[string]bool{}
	var names []string
	for _, id := range ids {
		if name := id.topLevel(); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

func sortIDs(ids []testID) {
	sort.Slice(ids, func(i, j int) bool {
		if ids[i].Package != ids[j].Package {
			return ids[i].Package < ids[j].Package
		}
		return ids[i].Test < ids[j].Test
	})
}
