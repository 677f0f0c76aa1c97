package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// packageTimeout bounds one package; the largest takes a small part of it.
const packageTimeout = 60 * time.Minute

// packageRun is what one `go test` of one package reported.
type packageRun struct {
	Package  string
	Results  results
	Duration time.Duration
	// Aborted: the package ended without reporting on every test that it should have run.
	Aborted bool
}

// testEvent is the part of a `go test -json` line that is used (see `go doc test2json`).
type testEvent struct {
	Action  string
	Test    string
	Elapsed float64
	Output  string
}

// suite runs packages with one set of options.
type suite struct {
	// Logs is the directory that receives the whole output of each package.
	Logs string
	// Clean gives every test new containers instead of reusing them where a test allows it.
	Clean    bool
	Progress io.Writer
}

// run runs the chosen tests of one package. Failing tests are no error: an error means that
// nothing can be said about the tests.
func (s suite) run(importPath string, scope scope) (packageRun, error) {
	name := shortName(importPath)
	log, err := os.OpenFile(filepath.Join(s.Logs, name+".log"),
		os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return packageRun{}, err
	}
	defer log.Close()
	expected, err := declaredTests(importPath, scope)
	if err != nil {
		return packageRun{}, err
	}
	if len(expected) == 0 {
		return packageRun{Package: name, Results: results{}}, nil
	}
	test := s.command("test", "-json", "-count=1", "-p=1", "-vet=off",
		"-timeout="+packageTimeout.String(), "-run="+scope.expression, importPath)
	test.Stderr = log
	stream, err := test.StdoutPipe()
	if err != nil {
		return packageRun{}, err
	}
	start := time.Now()
	if err := test.Start(); err != nil {
		return packageRun{}, err
	}
	collected, err := s.collect(name, stream, log)
	if err != nil {
		return packageRun{}, err
	}
	// The exit code says no more than the events do.
	_ = test.Wait()
	run := packageRun{Package: name, Results: collected.finished, Duration: time.Since(start)}
	run.Aborted = failUnreported(&run, collected.started, expected)
	return run, nil
}

// command is a `go` command in the environment that Complement reads its options from.
func (s suite) command(arguments ...string) *exec.Cmd {
	command := exec.Command("go", arguments...)
	command.Env = os.Environ()
	if !s.Clean {
		command.Env = append(command.Env, "COMPLEMENT_ENABLE_DIRTY_RUNS=1")
	}
	return command
}

// collection is the state of the tests while their events arrive.
type collection struct {
	started  map[testID]bool
	finished results
}

// collect reads the event stream to its end and copies the tests' output to log.
func (s suite) collect(name string, stream io.Reader, log io.Writer) (collection, error) {
	seen := collection{started: map[testID]bool{}, finished: results{}}
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		var event testEvent
		if json.Unmarshal(line, &event) == nil {
			if _, err := io.WriteString(log, event.Output); err != nil {
				return seen, err
			}
			s.note(&seen, testID{name, event.Test}, event)
		}
		if err == io.EOF {
			return seen, nil
		}
		if err != nil {
			return seen, err
		}
	}
}

// note records one event and prints the test functions as they finish.
func (s suite) note(seen *collection, id testID, event testEvent) {
	if id.Test == "" {
		return
	}
	switch event.Action {
	case "run":
		seen.started[id] = true
	case "pass", "fail", "skip":
		seen.finished[id] = outcome(event.Action)
		if id.depth() == 0 {
			fmt.Fprintf(s.Progress, "%s  %-8s %6.1f s  %s\n",
				event.Action, id.Package, event.Elapsed, id.Test)
		}
	}
}

// failUnreported marks as failed what should have reported and did not, and tells if there was any.
func failUnreported(run *packageRun, started map[testID]bool, expected []string) bool {
	aborted := false
	unreported := func(id testID) {
		if _, reported := run.Results[id]; !reported {
			run.Results[id] = fail
			aborted = true
		}
	}
	for id := range started {
		unreported(id)
	}
	for _, name := range expected {
		unreported(testID{run.Package, name})
	}
	return aborted
}
