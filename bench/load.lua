-- Asks for an address of its own each time, and prints what load.ts reads.
local asked = 0

request = function()
  asked = asked + 1
  return wrk.format("GET", wrk.path .. "?asked=" .. asked)
end

done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("found %d %d %d %d\n", summary.requests, failed, latency:percentile(50), latency:percentile(99)))
end
