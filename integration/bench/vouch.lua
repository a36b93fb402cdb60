-- Checks as nginx asks them, for wrk. Arguments: FILE of cookie values ("-" for none), KIND: "check" or "page".
-- Every request draws a session uniformly from the file, and one of fifty applications.
local threads = 0
function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local heads, tails, cookies = {}, {}, {}

function init(args)
    math.randomseed(number * 7919)
    if args[1] ~= "-" then
        for line in io.lines(args[1]) do cookies[#cookies + 1] = line end
    end
    for app = 1, 50 do
        if args[2] == "page" then
            heads[app] = "GET /page.txt HTTP/1.1\r\nHost: app" .. app .. ".example.com\r\n"
        else
            heads[app] = "GET /auth/vouch/request HTTP/1.1\r\nHost: vouchsafe\r\nX-Original-Method: GET\r\n" ..
                "X-Original-URL: https://app" .. app .. ".example.com/reports/2026?page=" .. app .. "\r\n" ..
                "X-Forwarded-For: 203.0.113.7\r\n"
        end
        heads[app] = heads[app] .. "Accept: */*\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\n"
        if #cookies > 0 then heads[app] = heads[app] .. "Cookie: theme=dark; __Secure-auth=" end
    end
end

local random = math.random

function request()
    local cookie = #cookies > 0 and cookies[random(#cookies)] or ""
    return heads[random(50)] .. cookie .. (cookie ~= "" and "\r\n\r\n" or "\r\n")
end

-- requests, microseconds, p99 in microseconds, answers that were not 2xx or 3xx, broken connections
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
