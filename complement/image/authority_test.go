package image

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// authority is a certificate authority like the one Complement makes for each run.
type authority struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "Complement Test CA"},
		NotBefore:             time.Now(),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// files are the authority as it is put into a container.
func (a authority) files() map[string][]byte {
	encode := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	return map[string][]byte{
		"/complement/ca/ca.crt": encode("CERTIFICATE", a.certificate.Raw),
		"/complement/ca/ca.key": encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(a.key)),
	}
}

// handshake connects to a federation port and trusts this authority alone.
func (a authority) handshake(address, serverName string) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: serverName})
	if err != nil {
		return err
	}
	return connection.Close()
}
