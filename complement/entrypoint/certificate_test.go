package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeAuthority stores a new authority the way Complement does: RSA, the key in PKCS #1.
func writeAuthority(t *testing.T) (certificateFile, keyFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(t.TempDir(), name)
		content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("ca.crt", "CERTIFICATE", der),
		write("ca.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func TestLeafIsTrustedUnderItsAuthorityAndName(t *testing.T) {
	authority, err := readAuthority(writeAuthority(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hs1", "host.docker.internal", "127.0.0.1"} {
		chain, key, err := authority.issueLeaf(name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(chain, key)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(authority.certificate)
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := pair.Leaf.VerifyHostname("hs9"); err == nil {
			t.Errorf("%s: also valid for hs9", name)
		}
	}
}

func TestServerNameMustBeGiven(t *testing.T) {
	for _, name := range []string{"", "hs 1", "hs1\"", "hs1\n[testing]"} {
		if err := prepare(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}
