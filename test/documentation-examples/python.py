# After the Python example of "How to authenticate to the MAAS API":
# https://canonical.com/maas/docs/how-to-authenticate-to-the-maas-api
#
# MAAS_HOST  where MAAS is, up to and including /MAAS
# API_KEY    consumer:token:secret; empty: the requests are not signed
# ZONE       the name of a zone to make (the page only reads)
import os

import requests
from oauthlib.oauth1 import SIGNATURE_PLAINTEXT
from requests_oauthlib import OAuth1Session

MAAS_HOST = os.environ["MAAS_HOST"]

if os.environ["API_KEY"]:
    CONSUMER_KEY, CONSUMER_TOKEN, SECRET = os.environ["API_KEY"].split(":")
    maas = OAuth1Session(
        CONSUMER_KEY,
        resource_owner_key=CONSUMER_TOKEN,
        resource_owner_secret=SECRET,
        signature_method=SIGNATURE_PLAINTEXT,
    )
else:
    maas = requests.Session()

for answer in (
    lambda: maas.get(f"{MAAS_HOST}/api/2.0/machines/", params={"op": "list_allocated"}),
    lambda: maas.get(f"{MAAS_HOST}/api/2.0/users/", params={"op": "whoami"}),
    lambda: maas.post(f"{MAAS_HOST}/api/2.0/zones/", data={"name": os.environ["ZONE"]}),
):
    response = answer()
    response.raise_for_status()
    print(response.text)
