# After the Ruby example of "How to authenticate to the MAAS API":
# https://canonical.com/maas/docs/how-to-authenticate-to-the-maas-api
# Its `/nodes/?op=list` is of API 1.0; in 2.0 the list is `/nodes/`.
#
# MAAS_HOST  where MAAS is, up to and including /MAAS
# API_KEY    consumer:token:secret; empty: the requests are not signed
# ZONE       the name of a zone to make (the page only reads)
require 'net/http'
require 'oauth'
require 'oauth/signature/plaintext'

def perform_API_request(site, method, uri, form, key, secret, consumer_key)
  consumer = OAuth::Consumer.new(
    consumer_key, '', { :site => site, :scheme => :header, :signature_method => 'PLAINTEXT' }
  )
  access_token = OAuth::AccessToken.new(consumer, key, secret)
  access_token.request(method, uri, *form)
end

def perform_unsigned_request(site, method, uri, form)
  return Net::HTTP.get_response(URI(site + uri)) if method == :get

  Net::HTTP.post_form(URI(site + uri), *form)
end

site = "#{ENV.fetch('MAAS_HOST')}/api/2.0"
consumer_key, key, secret = ENV.fetch('API_KEY').split(':')

[
  [:get, '/nodes/', []],
  [:get, '/users/?op=whoami', []],
  [:post, '/zones/', [{ 'name' => ENV.fetch('ZONE') }]]
].each do |method, uri, form|
  response =
    if consumer_key
      perform_API_request(site, method, uri, form, key, secret, consumer_key)
    else
      perform_unsigned_request(site, method, uri, form)
    end
  abort "#{response.code} #{response.body}" unless response.is_a?(Net::HTTPSuccess)
  puts response.body
end
