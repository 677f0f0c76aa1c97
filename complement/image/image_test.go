// Package image tests what Complement takes for granted of the image, so that a broken image is
// told as such and not as two hundred failing tests.
//
// It speaks the client API only as far as that needs; whether the API is right is Complement's
// business.
package image

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

type object map[string]any

// call sends JSON and decodes the JSON answer.
func call(t *testing.T, method, url, token string, body object) (int, object) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %s: %v", method, url, response.Status, err)
	}
	return response.StatusCode, answer
}

// register makes a user in one step and returns the access token.
func register(t *testing.T, server container, username string) string {
	t.Helper()
	status, answer := call(t, "POST", server.url("/_matrix/client/v3/register"), "", object{
		"username": username, "password": "secret of " + username,
		"auth": object{"type": "m.login.dummy"},
	})
	token, ok := answer["access_token"].(string)
	if status != http.StatusOK || !ok {
		t.Fatalf("register: %d %v", status, answer)
	}
	return token
}

func whoami(t *testing.T, server container, token string) any {
	t.Helper()
	_, answer := call(t, "GET", server.url("/_matrix/client/v3/account/whoami"), token, nil)
	return answer["user_id"]
}

func TestFederationCertificateFollowsNameAndAuthority(t *testing.T) {
	image, authority := baseImage(t), newAuthority(t)
	server := start(t, image, "hs1", authority.files())
	if err := authority.handshake(server.address(8448), "hs1"); err != nil {
		t.Error(err)
	}
	if err := newAuthority(t).handshake(server.address(8448), "hs1"); err == nil {
		t.Error("the certificate is trusted under a foreign authority")
	}
	if err := authority.handshake(server.address(8448), "hs2"); err == nil {
		t.Error("the certificate of hs1 is valid for hs2")
	}
}

func TestImageHasNoVolume(t *testing.T) {
	image := baseImage(t)
	if volumes := docker(t, nil, "inspect", "--format", "{{json .Config.Volumes}}", image); volumes != "null" {
		t.Errorf("volumes: %s", volumes)
	}
}

func TestCommittedContainerKeepsDataUnderAnotherAuthority(t *testing.T) {
	image := baseImage(t)
	first := start(t, image, "hs1", newAuthority(t).files())
	token := register(t, first, "alice")
	if code := first.stop(); code != "0" {
		t.Errorf("exit code on SIGTERM: %s", code)
	}
	authority := newAuthority(t)
	second := start(t, first.commit(), "hs1", authority.files())
	if user := whoami(t, second, token); user != "@alice:hs1" {
		t.Errorf("after commit the token belongs to %v", user)
	}
	if err := authority.handshake(second.address(8448), "hs1"); err != nil {
		t.Error(err)
	}
}

func TestRestartKeepsData(t *testing.T) {
	server := start(t, baseImage(t), "hs1", newAuthority(t).files())
	token := register(t, server, "alice")
	server.stop()
	docker(t, nil, "start", server.id)
	server.awaitVersions()
	if user := whoami(t, server, token); user != "@alice:hs1" {
		t.Errorf("after a restart the token belongs to %v", user)
	}
}

func TestApplicationServiceIsRegistered(t *testing.T) {
	files := newAuthority(t).files()
	files["/complement/appservice/bridge.yaml"] = []byte("id: bridge\n" +
		"hs_token: to-the-bridge\nas_token: from-the-bridge\nurl: 'http://host.docker.internal:1'\n" +
		"sender_localpart: bridge-bot\nrate_limited: false\n" +
		"namespaces:\n  users:\n    - exclusive: false\n      regex: .*\n  rooms: []\n  aliases: []\n")
	server := start(t, baseImage(t), "hs1", files)
	if user := whoami(t, server, "from-the-bridge"); user != "@bridge-bot:hs1" {
		t.Errorf("the application service's token belongs to %v", user)
	}
}
