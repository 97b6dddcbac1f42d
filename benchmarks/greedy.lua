-- Callers who ask for orders, one connection each; says at the end what came of it, as JSON.
-- wrk ... -s greedy.lua URL -- MILLISECONDS TOKEN...

local tokens, pause, n, failed = {}, 0, 0, 0
local threads = {}
local query = '{"query": "{ orders(first: 1, filter: { number: { eq: \\"SO-%d\\" } }) { nodes { id } } }"}'

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    pause = tonumber(arguments[1])
    for place = 2, #arguments do
        table.insert(tokens, arguments[place])
    end
    errors_told = 0
end

function delay()
    return pause
end

function request()
    n = n + 1
    local headers = {}
    headers["Content-Type"] = "application/json"
    headers["Authorization"] = "Bearer " .. tokens[n % #tokens + 1]
    return wrk.format("POST", nil, headers, query:format(n))
end

function response(status, headers, body)
    if status == 200 and body:find('"errors"', 1, true) then
        errors_told = errors_told + 1
    end
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout
    for _, thread in ipairs(threads) do
        failed = failed + thread:get("errors_told")
    end
    local text = '{"asked": %d, "refused": %d, "failed": %d, "p50": %.1f, "p95": %.1f, "p99": %.1f}\n'
    local at = function(share) return latency:percentile(share) / 1000 end
    io.write(text:format(summary.requests, errors.status, failed, at(50), at(95), at(99)))
end
