-- Posts "World"; prints the latencies and what went wrong. With statuses as arguments, such as
-- `-- 504 429`, these are the right ones and all others are counted.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   wrong = 0
   expected = {}
   for _, status in ipairs(args) do
      expected[tonumber(status)] = true
   end
   if next(expected) ~= nil then
      response = function(status)
         if not expected[status] then
            wrong = wrong + 1
         end
      end
   end
end

wrk.method = "POST"
wrk.body = "World"

function done(summary, latency)
   local others = 0
   for _, thread in ipairs(threads) do
      others = others + thread:get("wrong")
   end
   local errors = summary.errors
   io.write(string.format(
      "%d requests, %.0f/s, p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us, " ..
      "status above 399: %d, of the wrong status: %d, connections failed or timed out: %d\n",
      summary.requests, summary.requests / summary.duration * 1e6,
      latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
      errors.status, others, errors.connect + errors.read + errors.write + errors.timeout))
end
