package main

import (
	"regexp"
	"strings"
)

// scope is the set of tests that a `-run` expression chooses, as `go test` understands it: one
// regular expression for each level, separated by slashes. The zero expression chooses all.
type scope struct {
	expression string
	levels     []*regexp.Regexp
}

func newScope(expression string) (scope, error) {
	made := scope{expression: expression}
	if expression == "" {
		return made, nil
	}
	for _, level := range strings.Split(expression, "/") {
		compiled, err := regexp.Compile(level)
		if err != nil {
			return scope{}, err
		}
		made.levels = append(made.levels, compiled)
	}
	return made, nil
}

// includes tells whether the test is chosen itself, not merely run as the parent of one that is.
func (s scope) includes(id testID) bool {
	names := strings.Split(id.Test, "/")
	if len(names) < len(s.levels) {
		return false
	}
	for i, level := range s.levels {
		if !level.MatchString(names[i]) {
			return false
		}
	}
	return true
}

// wholeTests tells whether every chosen test function runs with all of its subtests.
func (s scope) wholeTests() bool {
	return len(s.levels) <= 1
}

// includesFunction tells whether a test function is run, be it for some of its subtests only.
func (s scope) includesFunction(name string) bool {
	return len(s.levels) == 0 || s.levels[0].MatchString(name)
}

// exactly chooses the named test functions.
func exactly(topLevelTests []string) scope {
	quoted := make([]string, len(topLevelTests))
	for i, name := range topLevelTests {
		quoted[i] = regexp.QuoteMeta(name)
	}
	expression := "^(" + strings.Join(quoted, "|") + ")$"
	return scope{expression, []*regexp.Regexp{regexp.MustCompile(expression)}}
}
