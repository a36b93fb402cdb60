-- Requests for wrk. Arguments: FILE of cookie values or tokens ("-" for none), KIND, and for "introspect" the client's Authorization.
--   check       as nginx asks, about one of fifty applications
--   page        a file behind nginx
--   account     a person's own account as JSON
--   introspect  a client asks about one of its tokens
-- Every request draws a session or a token uniformly from the file.
local threads = 0
function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local heads, cookies = {}, {}

-- As a proxy on the same machine passes it on.
local portal = "Host: auth.example.com\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.7\r\n" ..
    "Accept: */*\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\n"

-- One request that is all there is but for what is drawn.
local function whole(args)
    if args[2] == "account" then
        return "GET /account HTTP/1.1\r\n" .. portal .. "Cookie: theme=dark; __Secure-auth=", "\r\n\r\n"
    elseif args[2] == "introspect" then
        local length = #"token=" + #cookies[1]
        return "POST /auth/oauth2/token_info HTTP/1.1\r\n" .. portal .. "Authorization: " .. args[3] ..
            "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. length .. "\r\n\r\ntoken=", ""
    end
end

function init(args)
    math.randomseed(number * 7919)
    if args[1] ~= "-" then
        for line in io.lines(args[1]) do cookies[#cookies + 1] = line end
    end
    local head, tail = whole(args)
    if head then
        request = function() return head .. cookies[math.random(#cookies)] .. tail end
        return
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
