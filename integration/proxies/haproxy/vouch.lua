-- "http-request lua.vouch": asks vouchsafe whether the request may pass, with HAProxy's own HTTP client.
--
-- Allowed: the identity headers are set on the request and txn.vouch_passed becomes true. Refused: vouchsafe's whole answer
-- (status, headers, cookie, page) goes to the client. Anything else leaves the variable unset, and the configuration refuses.

local address = os.getenv("VOUCHSAFE") or "127.0.0.1:8080"
local url = "http://" .. address .. "/auth/vouch/forward"

-- Each is deleted first and set only from our answer.
local identity = { "remote-user", "remote-groups", "remote-email", "remote-name" }

-- They belong to the connection or the body of the original request, and the question has neither.
local kept_back = {
    ["connection"] = true, ["keep-alive"] = true, ["upgrade"] = true, ["te"] = true, ["trailer"] = true, ["expect"] = true,
    ["transfer-encoding"] = true, ["content-length"] = true, ["host"] = true, ["proxy-connection"] = true,
}
-- HAProxy writes these for the answer that it sends.
local own = { ["connection"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true, ["content-length"] = true, ["date"] = true }

local function list(values)
    local out = {}
    for _, value in pairs(values) do out[#out + 1] = value end
    return out
end

core.register_action("vouch", { "http-req" }, function(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not kept_back[name] then headers[name] = list(values) end
    end
    local answer = core.httpclient():get({ url = url, headers = headers, timeout = 5000 })
    if not answer or not answer.status or answer.status < 200 then return end
    if answer.status == 200 then
        for _, name in ipairs(identity) do
            txn.http:req_del_header(name)
            local values = answer.headers[name]
            if values and values[0] and values[0] ~= "" then txn.http:req_set_header(name, values[0]) end
        end
        txn:set_var("txn.vouch_passed", true)
        return
    end
    -- Neither a pass nor a refusal is no answer.
    if answer.status < 300 then return end
    local reply = txn:reply()
    reply:set_status(answer.status)
    for name, values in pairs(answer.headers) do
        if not own[name] then
            for _, value in pairs(values) do reply:add_header(name, value) end
        end
    end
    reply:set_body(answer.body or "")
    txn:done(reply)
end)
