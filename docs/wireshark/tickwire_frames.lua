-- Frames of Tickwire packets, for tickwire.lua: each adds itself to the tree and returns its text, the one that the simulator's
-- trace has. Returns a function that takes the fields and gives the readers.

local VIOLATIONS = { "BadFrame", "AckOfUnsent", "UnknownChannel", "OverCredit", "TooLarge", "BadFragment", "KeyUpdate" }
local DELIVERIES = { U = "Unreliable", S = "Sequenced", R = "Reliable", O = "Ordered" }

-- Reading --------------------------------------------------------------------------------------------------------------

-- A place in a buffer; reading past its end is the error of a malformed datagram.
local Reader = {}
Reader.__index = Reader

local function reader(tvb, at)
    return setmetatable({ tvb = tvb, at = at or 0, len = tvb:len() }, Reader)
end

function Reader:left()
    return self.len - self.at
end

function Reader:take(len)
    if len < 0 or len > self:left() then error({ short = true }) end
    local range = self.tvb(self.at, len)
    self.at = self.at + len
    return range
end

-- Bytes of a length that may be 0, which no range of Wireshark's can have; `nil` then.
function Reader:bytes(len)
    if len > 0 then return self:take(len) end
end

function Reader:uint(len)
    local range = self:take(len)
    return range:uint(), range
end

-- RFC 9000 section 16. Above 2^53 a number is inexact where Lua has no integers.
function Reader:varint()
    if self:left() < 1 then error({ short = true }) end
    local first = self.tvb(self.at, 1)
    local range = self:take(2 ^ math.floor(first:uint() / 64))
    if range:len() < 8 then
        return range:uint() % 2 ^ (8 * range:len() - 2), range
    end
    local high = range(0, 4):uint() % 2 ^ 30
    return math.floor(high * 2 ^ 32 + range(4, 4):uint()), range
end

local function number_text(number)
    return string.format("%.0f", number)
end

local function big(number)
    return UInt64.new(number % 2 ^ 32, math.floor(number / 2 ^ 32))
end

-- Frames ---------------------------------------------------------------------------------------------------------------

local f -- the fields

local function read_ack(r, tree, has_counts)
    local largest, range = r:varint()
    tree:add(f["ack.largest"], range, big(largest))
    local delay, delay_range = r:varint()
    tree:add(f["ack.delay_us"], delay_range, big(delay * 8))
    local more, more_range = r:varint()
    tree:add(f["ack.more"], more_range, big(more))
    local texts, last = {}, largest
    for index = 0, more do
        local from = r.at
        if index > 0 then last = last - r:varint() - 2 end
        local length = r:varint()
        local first = last - length
        if first < 0 then error({ short = true }) end
        local text = number_text(first) .. (first == last and "" or "..=" .. number_text(last))
        local at = r.tvb(from, r.at - from)
        local item = tree:add(f["ack.range"], at, text)
        item:add(f["ack.first"], at, big(first))
        item:add(f["ack.last"], at, big(last))
        texts[#texts + 1] = text
        last = first
    end
    local after = ""
    if delay > 0 then
        local micros = delay * 8
        after = string.format(" after %d.%03d ms", math.floor(micros / 1000), micros % 1000)
    end
    local marks = ""
    if has_counts then
        local counts = {}
        for index, name in ipairs({ "ect0", "ect1", "ce" }) do
            local count, range = r:varint()
            tree:add(f["ack." .. name], range, big(count))
            counts[index] = number_text(count)
        end
        marks = ", marks " .. table.concat(counts, "/")
    end
    return "Ack(" .. table.concat(texts, ", ") .. after .. marks .. ")"
end

local function read_credit(r, tree, channel)
    if channel then
        local range
        channel, range = r:uint(1)
        tree:add(f.channel, range)
    end
    local limit, range = r:varint()
    tree:add(f["credit.limit"], range, big(limit))
    return string.format("Credit(%s to %s B)", channel and "ch" .. channel or "all", number_text(limit))
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function read_close(r, tree)
    local kind, kind_range = r:uint(1)
    tree:add(f["close.kind"], kind_range)
    local code, code_range = r:varint()
    local code_item = tree:add(f["close.code"], code_range, big(code))
    local text_range = r:bytes((r:varint()))
    local text = text_range and text_range:raw() or ""
    if text_range then tree:add(f["close.text"], text_range, text) end
    if kind == 1 then
        code_item:append_text(" (" .. (VIOLATIONS[code] or "unassigned") .. ")")
        return "Close(violation " .. number_text(code) .. ")"
    elseif kind == 2 then
        return "Close(undeliverable on ch" .. number_text(code) .. ")"
    elseif kind == 3 then
        if code ~= 0 then return "Close(refused " .. number_text(code) .. ")" end
        return "Close(full)"
    elseif kind == 4 then
        return "Close(replaced)"
    elseif kind == 5 then
        return "Close(exhausted)"
    end
    local quoted = '"' .. text:gsub('["\\\n\r\t]', ESCAPES) .. '"'
    if kind ~= 0 then return string.format("Close(kind %d, code %s, %s)", kind, number_text(code), quoted) end
    if text == "" then return "Close(code " .. number_text(code) .. ")" end
    if code == 0 then return "Close(" .. quoted .. ")" end
    return "Close(code " .. number_text(code) .. ", " .. quoted .. ")"
end

local function read_skip(r, tree)
    local channel, channel_range = r:uint(1)
    tree:add(f.channel, channel_range)
    local id, id_range = r:uint(2)
    tree:add(f["message.id"], id_range)
    local cost, cost_range = r:varint()
    tree:add(f["skip.cost"], cost_range, big(cost))
    return string.format("Skip(ch%d m%d)", channel, id)
end

local function read_parity(r, tree)
    local channel, channel_range = r:uint(1)
    tree:add(f.channel, channel_range)
    local id, id_range = r:uint(2)
    tree:add(f["message.id"], id_range)
    local numbers = {}
    for i, name in ipairs({ "offset", "covered", "total", "length" }) do
        local number, range = r:varint()
        tree:add(f["parity." .. name], range, big(number))
        numbers[i] = number
    end
    local offset, covered, total, length = numbers[1], numbers[2], numbers[3], numbers[4]
    local bytes = r:bytes(length)
    if bytes then tree:add(f["parity.bytes"], bytes) end
    return string.format(
        "Parity(ch%d m%d of %s..%s of %s, %d B)",
        channel, id, number_text(offset), number_text(offset + covered), number_text(total), length
    )
end

-- Bits of the first byte: 1 L F C C C C C.
local function read_message(r, tree, first, first_range, channels)
    local channel = first % 32
    local is_fragment, has_length = math.floor(first / 32) % 2 == 1, math.floor(first / 64) % 2 == 1
    local letter = channels:sub(channel + 1, channel + 1)
    tree:add(f.channel, first_range, channel)
    tree:add(f.delivery, first_range, DELIVERIES[letter] or "not configured"):set_generated()
    local text = (DELIVERIES[letter] or "Message") .. "(ch" .. channel
    if is_fragment or letter == "R" or letter == "O" then
        local id, range = r:uint(2)
        tree:add(f["message.id"], range)
        text = text .. " m" .. id
    end
    if is_fragment then
        local offset, offset_range = r:varint()
        tree:add(f["fragment.offset"], offset_range, big(offset))
        local total, total_range = r:varint()
        tree:add(f["fragment.total"], total_range, big(total))
        text = text .. string.format(" part at %s of %s", number_text(offset), number_text(total))
    end
    local length = r:left()
    if has_length then
        local range
        length, range = r:varint()
        tree:add(f["message.length"], range, big(length))
    end
    local payload = r:bytes(length)
    if payload then tree:add(f["message.payload"], payload) end
    return text .. string.format(", %d B)", length)
end

local function read_frame(r, tree, channels)
    local start = r.at
    local first, range = r:uint(1)
    local kind = first >= 0x80 and 0x80 or first
    local item = tree:add(f.frame, r.tvb(start))
    item:add(f["frame.type"], range, kind)
    local text
    if kind == 0 then
        local rest = r:bytes(r:left())
        if rest then item:add(f.padding, rest) end
        text = "Padding"
    elseif kind == 1 then
        text = "Ping"
    elseif kind == 2 or kind == 9 then
        text = read_ack(r, item, kind == 9)
    elseif kind == 3 or kind == 4 then
        text = read_credit(r, item, kind == 3)
    elseif kind == 5 then
        text = read_close(r, item)
    elseif kind == 0x10 then
        text = read_skip(r, item)
    elseif kind == 0x11 then
        text = read_parity(r, item)
    elseif kind == 6 or kind == 7 then
        local data = r:take(8)
        item:add(f["path.data"], data)
        text = string.format("%s(%s)", kind == 6 and "PathChallenge" or "PathResponse", tostring(data:bytes()):lower())
    elseif kind == 8 then
        item:add(f["reset.token"], r:take(16))
        text = "ResetToken"
    elseif kind == 0x80 then
        text = read_message(r, item, first, range, channels)
    else
        error({ short = true })
    end
    item:set_len(r.at - start)
    item:set_text(text)
    return text
end

return function(fields)
    f = fields
    return { reader = reader, frame = read_frame, big = big, number_text = number_text }
end
