#!/bin/sh
# Makes the certificates of the tests anew (OpenSSL 3). They are valid for a hundred years and worth nothing:
# their keys are public.
set -eu
cd "$(dirname "$0")"
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
authority() {
    ec "$1.key"
    openssl req -x509 -new -key "$1.key" -days 36500 -subj "/CN=Fluentcast test $1" -out "$1.pem" \
        -addext 'keyUsage=critical,keyCertSign,cRLSign'
}
issued() { # name, authority, usage
    ec "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1' 'basicConstraints=critical,CA:FALSE' \
        'keyUsage=critical,digitalSignature' "extendedKeyUsage=$3" 'authorityKeyIdentifier=keyid' > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 36500 -extfile "$1.ext" -out "$1.pem" \
        -CAserial "$2.srl" -CAcreateserial
    rm "$1.csr" "$1.ext"
}
authority authority
authority stranger
issued server authority serverAuth
issued renewed authority serverAuth
issued client authority clientAuth
issued intruder stranger clientAuth
openssl pkcs8 -topk8 -in server.key -passout pass:s3cr3t -v2 aes-256-cbc -out server.encrypted.key
openssl ec -in server.key -aes256 -passout pass:s3cr3t -out server.legacy.key 2>/dev/null
rm -f ./*.srl authority.key stranger.key stranger.pem
