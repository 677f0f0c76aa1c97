package main

import (
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func chosen(t *testing.T, expression string) scope {
	t.Helper()
	made, err := newScope(expression)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func id(test string) testID {
	return testID{"csapi", test}
}

func TestResultsSurviveTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), resultsFile)
	empty, err := readResults(path)
	if err != nil || len(empty) != 0 {
		t.Fatalf("%v %v", empty, err)
	}
	kept := results{id("TestSync"): pass, {"msc3902", "TestSync"}: fail, id("TestSync/a_(b)"): skip}
	if err := kept.write(path); err != nil {
		t.Fatal(err)
	}
	if read, err := readResults(path); err != nil || !reflect.DeepEqual(read, kept) {
		t.Errorf("%v %v", read, err)
	}
}

func TestMerge(t *testing.T) {
	before := results{id("TestA"): pass, id("TestA/old"): pass, id("TestB"): pass, {"tests", "TestA"}: pass}
	cases := map[string]struct {
		expression string
		run        packageRun
		want       results
	}{
		"a whole test replaces its rows": {"TestA", packageRun{
			Package: "csapi", Results: results{id("TestA"): fail, id("TestA/new"): fail},
		}, results{id("TestA"): fail, id("TestA/new"): fail, id("TestB"): pass, {"tests", "TestA"}: pass}},
		"a chosen subtest leaves its parent and siblings": {"TestA/new", packageRun{
			Package: "csapi", Results: results{id("TestA"): fail, id("TestA/new"): fail},
		}, results{id("TestA"): pass, id("TestA/old"): pass, id("TestA/new"): fail, id("TestB"): pass,
			{"tests", "TestA"}: pass}},
		"an abort fails what did not report": {"", packageRun{
			Package: "csapi", Aborted: true, Results: results{id("TestA"): fail},
		}, results{id("TestA"): fail, id("TestA/old"): fail, id("TestB"): fail, {"tests", "TestA"}: pass}},
	}
	for name, c := range cases {
		merged := results{}
		for test, result := range before {
			merged[test] = result
		}
		merged.merge(c.run, chosen(t, c.expression))
		if !reflect.DeepEqual(merged, c.want) {
			t.Errorf("%s: %v", name, merged)
		}
	}
}

func TestEventsOfAPanic(t *testing.T) {
	stream := strings.NewReader(`go: downloading something
{"Action":"run","Test":"TestA"}
{"Action":"run","Test":"TestA/one"}
{"Action":"output","Test":"TestA/one","Output":"--- PASS\n"}
{"Action":"pass","Test":"TestA/one","Elapsed":0.5}
{"Action":"run","Test":"TestA/two"}
{"Action":"output","Output":"panic: test timed out\n"}
{"Action":"fail","Elapsed":1}
`)
	seen, err := suite{Progress: io.Discard}.collect("csapi", stream, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	run := packageRun{Package: "csapi", Results: seen.finished}
	if !failUnreported(&run, seen.started, []string{"TestA", "TestB"}) {
		t.Error("not noticed as aborted")
	}
	want := results{id("TestA"): fail, id("TestA/one"): pass, id("TestA/two"): fail, id("TestB"): fail}
	if !reflect.DeepEqual(run.Results, want) {
		t.Errorf("%v", run.Results)
	}
}

func TestRetryForgivesOnlyWhatPassesOnce(t *testing.T) {
	attempt := 1
	again := func(scope scope) (packageRun, error) {
		attempt++
		for name, want := range map[string]bool{"TestFlaky": true, "TestBroken": true, "TestBro": false} {
			if attempt == 2 && scope.includesFunction(name) != want {
				t.Errorf("%s: chosen %v", name, !want)
			}
		}
		if attempt == 3 && scope.includesFunction("TestFlaky") {
			t.Error("a test that passed ran again")
		}
		return packageRun{Results: results{id("TestFlaky"): pass, id("TestBroken/x"): fail}}, nil
	}
	broken, err := retry([]testID{id("TestFlaky"), id("TestBroken/x")}, again)
	if err != nil || !reflect.DeepEqual(broken, []testID{id("TestBroken/x")}) || attempt != attemptsMax {
		t.Errorf("%v %v after %d attempts", broken, err, attempt)
	}
}

func TestRegressionsAndNewPasses(t *testing.T) {
	committed := results{id("TestA"): pass, id("TestB"): fail, id("TestGone"): pass, {"tests", "TestA"}: pass}
	run := packageRun{Package: "csapi", Results: results{id("TestA"): skip, id("TestB"): pass}}
	all := chosen(t, "")
	if lost := regressions(committed, run, all); !reflect.DeepEqual(lost, []testID{id("TestA"), id("TestGone")}) {
		t.Errorf("%v", lost)
	}
	if won := newPasses(committed, run, all); !reflect.DeepEqual(won, []testID{id("TestB")}) {
		t.Errorf("%v", won)
	}
	if lost := regressions(committed, run, chosen(t, "TestB")); lost != nil {
		t.Errorf("out of scope: %v", lost)
	}
}
