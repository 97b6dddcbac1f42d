-- Callers who ask for orders, one connection each; says at the end what came of it, as JSON.
-- wrk ... -s greedy.lua URL -- KIND MILLISECONDS TOKEN...
-- KIND is `numbers`, each of a hundred, or `searches`, for a part of a reference.

local tokens, pause, n = {}, 0, 0
local threads = {}
local query = '{"query": "{ orders(first: 1, filter: { %s }) { nodes { id } } }"}'
local filters = {
    numbers = 'number: { eq: \\"SO-%d\\" }',
    searches = 'customerReference: { contains: \\"PO %d\\" }',
}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    query = query:format(filters[arguments[1]])
    pause = tonumber(arguments[2])
    for place = 3, #arguments do
        table.insert(tokens, arguments[place])
    end
    errors_told = 0
end

function delay()
    return pause * (0.5 + math.random())
end

function request()
    n = n + 1
    local headers = {}
    headers["Content-Type"] = "application/json"
    headers["Authorization"] = "Bearer " .. tokens[n % #tokens + 1]
    return wrk.format("POST", nil, headers, query:format(n % 100))
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
