-- Sends the bodies in a file, one a line, over and over; says at the end what came of it, as JSON.
-- wrk ... -s wrk.lua URL -- FILE

local requests, n = {}, 0

function init(arguments)
    for body in io.lines(arguments[1]) do
        table.insert(requests, wrk.format("POST", nil, nil, body))
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout
    local text = '{"requests": %d, "bytes": %d, "failed": %d, "refused": %d}\n'
    io.write(text:format(summary.requests, summary.bytes, failed, errors.status))
end
