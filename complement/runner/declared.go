package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"strings"
)

// declaredTests names the test functions in scope that the package's source declares. Asking the
// test binary would make Complement set up and tear down its containers.
func declaredTests(importPath string, scope scope) ([]string, error) {
	const testFiles = `{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}` +
		`{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`
	output, err := exec.Command("go", "list", "-f", testFiles, importPath).Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %s", importPath, reasonOf(err))
	}
	var names []string
	for _, path := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			if name, ok := testName(declaration); ok && scope.includesFunction(name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// testName is the name of the test function that a declaration is, if it is one.
func testName(declaration ast.Decl) (string, bool) {
	function, ok := declaration.(*ast.FuncDecl)
	if !ok || function.Recv != nil || len(function.Type.Params.List) != 1 {
		return "", false
	}
	name := function.Name.Name
	return name, strings.HasPrefix(name, "Test") && name != "TestMain"
}
