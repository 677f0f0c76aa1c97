// Command entrypoint starts the homeserver inside a Complement container.
//
// It runs at every start of the container: Complement commits a running container and starts the
// copy under another certificate authority and other ports, so everything it makes is made anew and
// only the data directory lives on. It then replaces itself with the server, which is therefore
// process 1 and receives SIGTERM directly.
//
// It never touches the data directory and holds no default for SERVER_NAME: a server that guessed
// its own name would write it into the store.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

const (
	serverBinary    = "/usr/local/bin/hearth"
	caCertificate   = "/complement/ca/ca.crt"
	caKey           = "/complement/ca/ca.key"
	registrations   = "/complement/appservice/*.yaml"
	runDirectory    = "/run/hearth"
	dataDirectory   = "/data"
	leafCertificate = runDirectory + "/federation.crt"
	leafKey         = runDirectory + "/federation.key"
	configFile      = runDirectory + "/hearth.toml"
)

// serverNamePattern is the part of the server name grammar that a container alias can have: no port.
var serverNamePattern = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

func main() {
	log.SetFlags(0)
	log.SetPrefix("entrypoint: ")
	if err := prepare(os.Getenv("SERVER_NAME")); err != nil {
		log.Fatal(err)
	}
	arguments := []string{serverBinary, "serve", "--config", configFile}
	log.Fatalf("%s: %v", serverBinary, syscall.Exec(serverBinary, arguments, os.Environ()))
}

// prepare writes the certificate and the configuration of one start.
func prepare(serverName string) error {
	if !serverNamePattern.MatchString(serverName) {
		return fmt.Errorf("SERVER_NAME is %q, want a host name", serverName)
	}
	for _, directory := range []string{runDirectory, dataDirectory} {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return err
		}
	}
	authority, err := readAuthority(caCertificate, caKey)
	if err != nil {
		return err
	}
	certificate, key, err := authority.issueLeaf(serverName, time.Now())
	if err != nil {
		return fmt.Errorf("leaf certificate for %s: %w", serverName, err)
	}
	registrationFiles, err := filepath.Glob(registrations)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		leafCertificate: certificate,
		leafKey:         key,
		configFile:      []byte(renderConfig(serverName, registrationFiles)),
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
