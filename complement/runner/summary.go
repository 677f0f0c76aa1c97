package main

import (
	"fmt"
	"io"
	"time"
)

// tally counts outcomes.
type tally map[outcome]int

func (t tally) String() string {
	return fmt.Sprintf("%4d %4d %4d", t[pass], t[fail], t[skip])
}

// printSummary prints, for each package that ran, how its test functions and subtests ended.
func printSummary(output io.Writer, runs []packageRun) {
	fmt.Fprintf(output, "\n%-10s  %-14s  %-14s  %9s\n", "", "     tests", "    subtests", "")
	fmt.Fprintf(output, "%-10s  %14s  %14s  %9s\n", "package", "pass fail skip", "pass fail skip",
		"seconds")
	allTests, allSubtests := tally{}, tally{}
	var whole time.Duration
	for _, run := range runs {
		tests, subtests := tally{}, tally{}
		for id, result := range run.Results {
			if id.depth() == 0 {
				tests[result]++
				allTests[result]++
			} else {
				subtests[result]++
				allSubtests[result]++
			}
		}
		whole += run.Duration
		note := ""
		if run.Aborted {
			note = "  aborted"
		}
		fmt.Fprintf(output, "%-10s  %s  %s  %9.1f%s\n", run.Package, tests, subtests,
			run.Duration.Seconds(), note)
	}
	fmt.Fprintf(output, "%-10s  %s  %s  %9.1f\n", "all", allTests, allSubtests, whole.Seconds())
}
