-- Each request has its own query; the results are printed for load.ts.
local sent = 0

request = function()
  sent = sent + 1
  return wrk.format("GET", wrk.path .. "?sent=" .. sent)
end

done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("found %d %d %d %d\n", summary.requests, failed, latency:percentile(50), latency:percentile(99)))
end
