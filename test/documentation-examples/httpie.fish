#!/usr/bin/env fish
# After the example with HTTPie and fish of "How to authenticate to the MAAS API":
# https://canonical.com/maas/docs/how-to-authenticate-to-the-maas-api
#
# MAAS_HOST  where MAAS is, up to and including /MAAS
# API_KEY    consumer:token:secret; empty: the requests are not signed
# ZONE       the name of a zone to make (the page only reads)
set key (string split : $API_KEY)

function nonce
    uuidgen 2>/dev/null; or cat /proc/sys/kernel/random/uuid
end

function maas
    set signature
    if test -n "$API_KEY"
        set signature Authorization:"OAuth oauth_version=1.0, oauth_signature_method=PLAINTEXT, oauth_consumer_key=$key[1], oauth_token=$key[2], oauth_signature=&$key[3], oauth_nonce="(nonce)", oauth_timestamp="(date +%s)
    end
    # --ignore-stdin: there is no terminal; --check-status: an answer that is an error is an exit code too.
    http --ignore-stdin --check-status --body $argv $signature
end

maas $MAAS_HOST/api/2.0/users/
and maas $MAAS_HOST/api/2.0/users/ op==whoami
and maas --form POST $MAAS_HOST/api/2.0/zones/ name=$ZONE
