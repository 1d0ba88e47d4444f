#!/usr/bin/env bash
# After the cURL example of "How to authenticate to the MAAS API":
# https://canonical.com/maas/docs/how-to-authenticate-to-the-maas-api
# It reads the key's parts as $API_KEY[1] and so on, which is fish and zsh; here it is bash.
#
# MAAS_HOST  where MAAS is, up to and including /MAAS
# API_KEY    consumer:token:secret; empty: the requests are not signed
# ZONE       the name of a zone to make (the page only reads)
set -euo pipefail

IFS=: read -r consumer token secret <<<"$API_KEY"

nonce() {
  uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid
}

maas() {
  local signature=()
  if [[ -n $API_KEY ]]; then
    signature=(--header "Authorization: OAuth oauth_version=1.0, oauth_signature_method=PLAINTEXT, oauth_consumer_key=$consumer, oauth_token=$token, oauth_signature=&$secret, oauth_nonce=$(nonce), oauth_timestamp=$(date +%s)")
  fi
  curl --silent --show-error --fail-with-body "${signature[@]+"${signature[@]}"}" "$@"
}

maas "$MAAS_HOST/api/2.0/users/"
maas "$MAAS_HOST/api/2.0/users/?op=whoami"
maas --data-urlencode "name=$ZONE" "$MAAS_HOST/api/2.0/zones/"
