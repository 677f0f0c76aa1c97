package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// startLimit is how long Complement waits for a server to answer.
const startLimit = 30 * time.Second

// label makes `complement/run` remove what a broken test leaves behind.
const label = "complement_context=image"

// container is one server, started as Complement starts it.
type container struct {
	t  *testing.T
	id string
}

// docker runs the Docker client and returns what it prints.
func docker(t *testing.T, input []byte, arguments ...string) string {
	t.Helper()
	command := exec.Command("docker", arguments...)
	command.Stdin = bytes.NewReader(input)
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(arguments, " "), err, failure.String())
	}
	return strings.TrimSpace(string(output))
}

// baseImage is the image under test.
func baseImage(t *testing.T) string {
	t.Helper()
	image := os.Getenv("COMPLEMENT_BASE_IMAGE")
	if image == "" {
		t.Skip("COMPLEMENT_BASE_IMAGE names no image")
	}
	return image
}

// start makes a container with the given files, starts it and waits until it answers.
func start(t *testing.T, image, serverName string, files map[string][]byte) container {
	t.Helper()
	id := docker(t, nil, "create", "--publish-all", "--label", label, "--cap-add", "NET_ADMIN",
		"--add-host", "host.docker.internal:host-gateway", "--env", "SERVER_NAME="+serverName, image)
	made := container{t, id}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := exec.Command("docker", "logs", id).CombinedOutput()
			t.Logf("log of %s:\n%s", serverName, logs)
		}
		docker(t, nil, "rm", "--force", id)
	})
	docker(t, archive(t, files), "cp", "-", id+":/")
	docker(t, nil, "start", id)
	made.awaitVersions()
	return made
}

// archive packs files the way they are copied into a container.
func archive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for path, content := range files {
		header := &tar.Header{Name: path, Mode: 0o777, Size: int64(len(content))}
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// address is where the host reaches a port of the container.
func (c container) address(port int) string {
	c.t.Helper()
	published := docker(c.t, nil, "port", c.id, fmt.Sprintf("%d/tcp", port))
	first, _, _ := strings.Cut(published, "\n")
	return "127.0.0.1" + first[strings.LastIndex(first, ":"):]
}

// url is a path of the client API.
func (c container) url(path string) string {
	c.t.Helper()
	return "http://" + c.address(8008) + path
}

func (c container) awaitVersions() {
	c.t.Helper()
	url := c.url("/_matrix/client/versions")
	deadline := time.Now().Add(startLimit)
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("status %s", response.Status)
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("no answer within %s: %v", startLimit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop sends SIGTERM and returns the exit code.
func (c container) stop() string {
	c.t.Helper()
	docker(c.t, nil, "stop", "--time", "10", c.id)
	return docker(c.t, nil, "inspect", "--format", "{{.State.ExitCode}}", c.id)
}

// commit makes an image of the stopped container, data included.
func (c container) commit() string {
	c.t.Helper()
	image := docker(c.t, nil, "commit", c.id)
	c.t.Cleanup(func() { docker(c.t, nil, "rmi", "--force", image) })
	return image
}
