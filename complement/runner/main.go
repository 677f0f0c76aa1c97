// Command runner runs Complement's test packages against the image named by COMPLEMENT_BASE_IMAGE
// and keeps their results in results.tsv, or compares them with it.
//
// It is started by `complement/run`, which has the engine and the image ready, in the module's
// directory. It passes no build tag, so that no test leaves itself out for a server it knows.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

const resultsFile = "results.tsv"

// Exit codes: of a check that found a broken test, of a run that could not be made, and of one
// whose test suite the Go module proxy does not serve.
const (
	exitBroken      = 1
	exitImpossible  = 2
	exitUnavailable = 3
)

var errUnavailable = errors.New("the Go module proxy does not serve it, or go.sum lacks it")

type options struct {
	check, plan bool
	logs        string
	scope       scope
	packages    []string
	suite       suite
}

func main() {
	chosen, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil && !chosen.plan {
		var sound bool
		if sound, err = chosen.run(); err == nil && !sound {
			os.Exit(exitBroken)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "complement:", err)
		if errors.Is(err, errUnavailable) {
			os.Exit(exitUnavailable)
		}
		os.Exit(exitImpossible)
	}
}

func parseOptions(arguments []string) (options, error) {
	var made options
	flags := flag.NewFlagSet("complement/run", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: complement/run [-run REGEX] [-check] [-clean] [PACKAGE...]")
		flags.PrintDefaults()
	}
	expression := flags.String("run", "", "only the tests that match `REGEX`, as in go test -run")
	flags.BoolVar(&made.check, "check", false,
		"compare with results.tsv instead of writing it; fail when a listed pass is lost")
	flags.BoolVar(&made.suite.Clean, "clean", false,
		"give every test new containers (slow; for a test that fails only among others)")
	flags.BoolVar(&made.plan, "plan", false, "only judge the arguments")
	flags.StringVar(&made.suite.Logs, "logs", "",
		"directory for the packages' output, emptied first")
	if err := flags.Parse(arguments); err != nil {
		return made, err
	}
	var err error
	if made.scope, err = newScope(*expression); err != nil {
		return made, err
	}
	made.packages, err = choosePackages(flags.Args())
	made.suite.Progress = os.Stdout
	return made, err
}

// run runs the chosen packages; false when a check found a broken test.
func (o options) run() (bool, error) {
	if err := os.RemoveAll(o.suite.Logs); err != nil {
		return false, err
	}
	if err := os.MkdirAll(o.suite.Logs, 0o755); err != nil {
		return false, err
	}
	known, err := readResults(resultsFile)
	if err != nil {
		return false, err
	}
	var runs []packageRun
	var found comparison
	for _, importPath := range o.packages {
		run, err := o.suite.run(importPath, o.scope)
		if err != nil {
			return false, err
		}
		runs = append(runs, run)
		if !o.check {
			known.merge(run, o.scope)
			// After each package: a run that is stopped keeps what it has learnt.
			if err := known.write(resultsFile); err != nil {
				return false, err
			}
			continue
		}
		found.NewPasses = append(found.NewPasses, newPasses(known, run, o.scope)...)
		broken, err := retry(regressions(known, run, o.scope), func(again scope) (packageRun, error) {
			return o.suite.run(importPath, again)
		})
		if err != nil {
			return false, err
		}
		found.Broken = append(found.Broken, broken...)
	}
	printSummary(os.Stdout, runs)
	return found.print(os.Stdout), nil
}
