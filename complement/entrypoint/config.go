package main

import (
	"fmt"
	"strconv"
	"strings"
)

// configTemplate is Hearth's configuration under test. `[testing]` is the one place that loosens
// security; the server logs it loudly and nothing outside this image sets it.
//
// The default room version is 11 because tests give the creator of a room of the default version an
// entry in its power levels, which version 12 forbids; what is about version 12 asks for it by name.
const configTemplate = `server_name = %s
data_dir = %s

[listen]
client = "0.0.0.0:8008"

[listen.federation]
address = "0.0.0.0:8448"
certificate_file = %s
key_file = %s

[registration]
mode = "open"
shared_secret = "complement"
min_password_characters = 1

[rate_limit]
enabled = false

[rooms]
default_version = "11"

[server_notices]
localpart = "_server"

[previews]
enabled = true

[federation]
trusted_ca_files = [%s]

[appservice]
registration_files = [%s]

[testing]
allow_private_addresses = true
`

// renderConfig is the TOML configuration of one start.
func renderConfig(serverName string, registrationFiles []string) string {
	quoted := make([]string, len(registrationFiles))
	for i, path := range registrationFiles {
		quoted[i] = strconv.Quote(path)
	}
	return fmt.Sprintf(configTemplate,
		strconv.Quote(serverName), strconv.Quote(dataDirectory),
		strconv.Quote(leafCertificate), strconv.Quote(leafKey),
		strconv.Quote(caCertificate), strings.Join(quoted, ", "))
}
