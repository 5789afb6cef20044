-- Tickwire for Wireshark and tshark: names every datagram and every frame, and decrypts where it has the keys.
--
-- Bytes: docs/PROTOCOL.md. How to install it and where keys come from: README.md beside this file. Needs the
-- other files of its directory.
--
-- Idea: a packet names its connection by an id whose length is not on the wire. Key lines (`TICKWIRE_KEYS ...`, from the
-- capture itself or from a file) tell id, keys and channels; without them a packet's header is all that can be read.
-- Packet numbers are truncated, so packets are opened once, in the order captured, and remembered by frame.

local HERE = __DIR__ .. package.config:sub(1, 1)
local aead = dofile(HERE .. "tickwire_aead.lua")

local tickwire = Proto("tickwire", "Tickwire")
local f = {}

-- Names ----------------------------------------------------------------------------------------------------------------

local TYPES = {
    [0xC0] = "HELLO", [0xC1] = "WELCOME", [0xC2] = "REFUSE", [0xC3] = "RESET", [0xC4] = "PROBE", [0xC5] = "PROBE_REPLY",
    [0xC6] = "RETRY",
}
local FRAMES = {
    [0] = "PADDING", [1] = "PING", [2] = "ACK", [3] = "CREDIT", [4] = "CREDIT_ALL", [5] = "CLOSE",
    [6] = "PATH_CHALLENGE", [7] = "PATH_RESPONSE", [8] = "RESET_TOKEN", [9] = "ACK_ECN", [0x10] = "SKIP", [0x11] = "PARITY", [0x80] = "MESSAGE",
}
local PATTERNS = {
    [0] = "NX, any key", [1] = "NK, known key", [2] = "NXpsk2, any key, token", [3] = "NKpsk2, known key, token",
}
local CLOSES = { [0] = "farewell", [1] = "violation", [2] = "undeliverable", [3] = "refused", [4] = "replaced", [5] = "exhausted" }
local REFUSALS = {
    "the server is full", "the server speaks protocol version %d, not 1",
    "the server runs another application or another build of it", "the server's channels are configured differently",
    "this address is banned", "the server has another key than the expected one",
    "the endpoint does not accept connections", "no cipher suite in common",
    "the server takes only clients with a connect token", "the server cannot open the connect token",
    "the connect token has expired", "the connect token is good for other servers", "the connect token was used before",
    "a newer connect token of this client was used", "the server remembers as many used tokens as it may",
    "the server was not told the time",
}

-- Fields ---------------------------------------------------------------------------------------------------------------

local function field(name, kind, label, ...)
    local made = ProtoField[kind]("tickwire." .. name, label, ...)
    f[name] = made
    return made
end

local all = {
    field("type", "string", "Type"),
    field("flags", "uint8", "Flags", base.HEX),
    field("flags.key_phase", "bool", "Key phase", 8, nil, 0x20),
    field("flags.compact_ack", "bool", "Compact acknowledgement", 8, nil, 0x08),
    field("flags.number_length", "uint8", "Packet number length less 1", base.DEC, nil, 0x03),
    field("id", "bytes", "Connection id"),
    field("sender", "string", "Sender"),
    field("number.truncated", "uint32", "Packet number, truncated"),
    field("number", "uint64", "Packet number"),
    field("generation", "uint64", "Times that keys were changed before"),
    field("protected", "bytes", "Protected content"),
    field("tag", "bytes", "Tag"),
    field("compact_ack", "uint8", "Compact acknowledgement, low 8 bits"),
    field("frame", "none", "Frame"),
    field("frame.type", "uint8", "Frame type", base.HEX, FRAMES),
    field("ack.largest", "uint64", "Largest"),
    field("ack.delay_us", "uint64", "Delay in microseconds"),
    field("ack.more", "uint64", "More ranges"),
    field("ack.range", "string", "Range"),
    field("ack.first", "uint64", "First of a range"),
    field("ack.last", "uint64", "Last of a range"),
    field("ack.ect0", "uint64", "Packets that arrived with ECT(0)"),
    field("ack.ect1", "uint64", "Packets that arrived with ECT(1)"),
    field("ack.ce", "uint64", "Packets that arrived with CE"),
    field("credit.limit", "uint64", "Limit in bytes"),
    field("channel", "uint8", "Channel"),
    field("delivery", "string", "Delivery"),
    field("message.id", "uint16", "Message id, low 16 bits"),
    field("message.length", "uint64", "Length"),
    field("message.payload", "bytes", "Payload"),
    field("skip.cost", "uint64", "Credit spent"),
    field("fragment.offset", "uint64", "Bytes of the message before this fragment"),
    field("fragment.total", "uint64", "Bytes of the message"),
    field("parity.offset", "uint64", "Bytes of the message before the covered ones"),
    field("parity.covered", "uint64", "Covered bytes"),
    field("parity.total", "uint64", "Bytes of the message"),
    field("parity.length", "uint64", "Length"),
    field("parity.bytes", "bytes", "Exclusive or"),
    field("close.kind", "uint8", "Kind", base.DEC, CLOSES),
    field("close.code", "uint64", "Code"),
    field("close.text", "string", "Text"),
    field("path.data", "bytes", "Path data"),
    field("cookie.length", "uint8", "Cookie length"),
    field("cookie", "bytes", "Cookie"),
    field("padding", "bytes", "Padding"),
    field("version", "uint8", "Version"),
    field("id_length", "uint8", "Connection id length"),
    field("pattern", "uint8", "Noise pattern", base.DEC, PATTERNS),
    field("token.length", "uint16", "Connect token length"),
    field("token.version", "uint8", "Connect token version"),
    field("token.nonce", "bytes", "Connect token nonce"),
    field("token.sealed", "bytes", "Sealed connect token and tag"),
    field("noise.length", "uint16", "Noise message length"),
    field("noise.ephemeral", "bytes", "Ephemeral key"),
    field("noise.static", "bytes", "Encrypted server key and tag"),
    field("noise.payload", "bytes", "Encrypted payload and tag"),
    field("offer.protocol_id", "uint64", "Protocol id", base.HEX),
    field("offer.channels", "uint64", "Fingerprint of the channels", base.HEX),
    field("offer.ciphers", "uint8", "Ciphers", base.HEX),
    field("offer.ciphers.aes", "bool", "AES-128-GCM", 8, nil, 0x01),
    field("offer.ciphers.chacha", "bool", "ChaCha20-Poly1305", 8, nil, 0x02),
    field("offer.ack_delay_ms", "uint8", "Largest ack delay in milliseconds"),
    field("offer.credit", "uint64", "Credit of all reliable channels"),
    field("offer.channel_credit", "uint64", "Credit of a channel"),
    field("refuse.reason", "uint8", "Reason"),
    field("refuse.text", "string", "Meaning"),
    field("refuse.check", "bytes", "Check of the HELLO that it answers"),
    field("reset.token", "bytes", "Token"),
    field("nonce", "bytes", "Nonce"),
    field("discovery", "string", "Discovery"),
    field("discovery.key", "string", "Key"),
    field("discovery.value", "string", "Value"),
}
tickwire.fields = all

local malformed = ProtoExpert.new("tickwire.malformed", "Malformed Tickwire", expert.group.MALFORMED, expert.severity.ERROR)
local sealed_with_unknown_key = ProtoExpert.new("tickwire.no_key", "No key opens this packet", expert.group.DECRYPTION,
    expert.severity.NOTE)
tickwire.experts = { malformed, sealed_with_unknown_key }

tickwire.prefs.ports = Pref.range("UDP ports", "8080-8081", "Ports on which everything is Tickwire", 65535)
tickwire.prefs.keys = Pref.string("Key log", "", "A file with TICKWIRE_KEYS lines")
tickwire.prefs.id_length = Pref.uint("Connection id length", 2, "Bytes of a connection id where no key tells it")

-- What was learnt from the capture -------------------------------------------------------------------------------------

local sessions -- id of a direction -> list of directions, the latest last
local hellos -- client's id -> pattern
local opened -- frame number -> what was in it

local function unhex(text)
    return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- The direction that a key of a later generation goes on with: packet numbers go on too.
local function known(ways, sender, key)
    for index = #ways, 1, -1 do
        if ways[index].sender == sender then return ways[index], ways[index].key == key end
    end
end

-- Takes a line of keys; false if it is none. Both sides may tell the same.
local function learn_keys(line)
    if not line:find("^TICKWIRE_KEYS 1 ") then return false end
    local told = {}
    for key, value in line:gmatch("([%w_]+)=(%S+)") do told[key] = value end
    local open = aead[told.suite]
    if not (open and told.client_id and told.server_id and told.client_key and told.server_key) then return false end
    for _, way in ipairs({ { "client", "server" }, { "server", "client" } }) do
        local id, key = unhex(told[way[2] .. "_id"]), unhex(told[way[1] .. "_key"])
        local generation = tonumber(told.generation or "0")
        sessions[id] = sessions[id] or {}
        local before, is_same = known(sessions[id], way[1], key)
        if not is_same then
            table.insert(sessions[id], {
                id = id, sender = way[1], open = open, channels = told.channels or "", generation = generation,
                numbers = generation > 0 and before and before.numbers or { largest = -1 },
                key = key, iv = unhex(told[way[1] .. "_iv"]),
            })
        end
    end
    return true
end

local function set_ports(ports, on)
    local udp = DissectorTable.get("udp.port")
    if ports ~= "" then
        if on then udp:add(ports, tickwire) else udp:remove(ports, tickwire) end
    end
end

local ports_in_use = ""

local function use_ports(ports)
    set_ports(ports_in_use, false)
    ports_in_use = ports
    set_ports(ports_in_use, true)
end

function tickwire.init()
    sessions, hellos, opened = {}, {}, {}
    local file = tickwire.prefs.keys ~= "" and io.open(tickwire.prefs.keys)
    if file then
        for line in file:lines() do learn_keys(line) end
        file:close()
    end
end

function tickwire.prefs_changed()
    use_ports(tostring(tickwire.prefs.ports))
end

-- Reading --------------------------------------------------------------------------------------------------------------

local read = dofile(HERE .. "tickwire_frames.lua")(f)
local reader, big, number_text = read.reader, read.big, read.number_text

local function hex_text(text)
    return (text:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

-- Packets --------------------------------------------------------------------------------------------------------------

local TAG_LEN = 16

-- The number nearest to the expected one that has these low bits (RFC 9000 appendix A.3).
local function expand(expected, truncated, bits)
    local window = 2 ^ bits
    local candidate = expected - expected % window + truncated
    if candidate <= expected - window / 2 then return candidate + window end
    if candidate > expected + window / 2 and candidate >= window then return candidate - window end
    return candidate
end

local function nonce(iv, number)
    local bytes = {}
    for i = 12, 1, -1 do
        bytes[i] = string.char(number % 256)
        number = math.floor(number / 256)
    end
    return aead.xor(iv, table.concat(bytes))
end

-- Opens a packet with a direction's key; `nil` if it is not one of this direction.
local function try(way, raw)
    local number_len = raw:byte(1) % 4 + 1
    local header_len = 1 + #way.id + number_len
    if math.floor(raw:byte(1) / 32) % 2 ~= way.generation % 2 then return nil end
    if #raw < header_len + 1 + TAG_LEN then return nil end
    local truncated = 0
    for i = 2 + #way.id, header_len do truncated = truncated * 256 + raw:byte(i) end
    local number = math.floor(expand(way.numbers.largest + 1, truncated, 8 * number_len))
    local plain = way.open(way.key, nonce(way.iv, number), raw:sub(1, header_len), raw:sub(header_len + 1, -TAG_LEN - 1),
        raw:sub(-TAG_LEN))
    if not plain then return nil end
    way.numbers.largest = math.max(way.numbers.largest, number)
    return { way = way, number = number, plain = plain }
end

local function open(raw)
    for len = 2, 8 do
        local ways = sessions[raw:sub(2, 1 + len)] or {}
        for index = #ways, 1, -1 do
            local found = try(ways[index], raw)
            if found then return found end
        end
    end
end

local function read_content(found, tree, has_ack)
    local plain = ByteArray.new(found.plain, true):tvb("Decrypted content")
    local r, texts = reader(plain), { "#" .. number_text(found.number) }
    local generation = found.way.generation
    if generation > 0 then
        texts[2] = string.format("key %d", generation)
        tree:add(f.generation, big(generation)):set_generated()
    end
    if has_ack then
        local low, range = r:uint(1)
        tree:add(f.compact_ack, range)
        texts[#texts + 1] = "Ack(..=" .. low .. ")"
    end
    while r:left() > 0 do
        local ok, text = pcall(read.frame, r, tree, found.way.channels)
        if not ok then
            if type(text) ~= "table" then error(text) end
            tree:add_proto_expert_info(malformed, "A frame that cannot be read")
            texts[#texts + 1] = "?"
            break
        end
        texts[#texts + 1] = text
    end
    return table.concat(texts, " ")
end

local function read_packet(tvb, frame, tree)
    local flags = tvb(0, 1):uint()
    local item = tree:add(f.flags, tvb(0, 1))
    item:add(f["flags.key_phase"], tvb(0, 1))
    item:add(f["flags.compact_ack"], tvb(0, 1))
    item:add(f["flags.number_length"], tvb(0, 1))
    if opened[frame] == nil then opened[frame] = open(tvb:raw()) or false end
    local found = opened[frame]
    local id_len = found and #found.way.id or tickwire.prefs.id_length
    local number_len = flags % 4 + 1
    local header_len = 1 + id_len + number_len
    if tvb:len() < header_len + 1 + TAG_LEN then error({ short = true }) end
    tree:add(f.id, tvb(1, id_len))
    tree:add(f["number.truncated"], tvb(1 + id_len, number_len))
    local sealed = tvb(header_len, tvb:len() - header_len - TAG_LEN)
    if not found then
        tree:add(f.protected, sealed)
        tree:add(f.tag, tvb(tvb:len() - TAG_LEN, TAG_LEN))
        tree:add_proto_expert_info(sealed_with_unknown_key)
        return string.format("Packet(id %s, %d B protected)", hex_text(tvb(1, id_len):raw()), sealed:len())
    end
    tree:add(f.number, tvb(1 + id_len, number_len), big(found.number)):set_generated()
    tree:add(f.sender, found.way.sender):set_generated()
    tree:add(f.tag, tvb(tvb:len() - TAG_LEN, TAG_LEN))
    return read_content(found, tree, math.floor(flags / 8) % 2 == 1)
end

-- Other datagrams ------------------------------------------------------------------------------------------------------

local function read_offer(r, tree)
    tree:add(f["offer.protocol_id"], r:take(8))
    tree:add(f["offer.channels"], r:take(8))
    local ciphers = r:take(1)
    local item = tree:add(f["offer.ciphers"], ciphers)
    item:add(f["offer.ciphers.aes"], ciphers)
    item:add(f["offer.ciphers.chacha"], ciphers)
    tree:add(f["offer.ack_delay_ms"], r:take(1))
    local credit, range = r:varint()
    tree:add(f["offer.credit"], range, big(credit))
    for _ = 1, (r:uint(1)) do
        credit, range = r:varint()
        tree:add(f["offer.channel_credit"], range, big(credit))
    end
end

local function read_hello(tvb, tree)
    local r = reader(tvb, 1)
    local version, version_range = r:uint(1)
    tree:add(f.version, version_range)
    local id_len, id_len_range = r:uint(1)
    tree:add(f.id_length, id_len_range)
    local id = r:take(id_len)
    tree:add(f.id, id)
    if version ~= 1 then return string.format("Hello(version %d)", version) end
    local pattern, pattern_range = r:uint(1)
    tree:add(f.pattern, pattern_range)
    hellos[id:raw()] = pattern
    if pattern == 2 or pattern == 3 then
        local token_len, token_len_range = r:uint(2)
        tree:add(f["token.length"], token_len_range)
        local token = reader(r:take(token_len):tvb())
        tree:add(f["token.version"], token:take(1))
        tree:add(f["token.nonce"], token:take(24))
        tree:add(f["token.sealed"], token:take(token:left()))
    end
    local len, len_range = r:uint(2)
    tree:add(f["noise.length"], len_range)
    local message = reader(r:take(len):tvb())
    tree:add(f["noise.ephemeral"], message:take(32))
    if pattern == 0 then
        read_offer(message, tree)
    elseif message:left() > 0 then
        tree:add(f["noise.payload"], message:take(message:left()))
    end
    local cookie_len, cookie_len_range = r:uint(1)
    tree:add(f["cookie.length"], cookie_len_range)
    if cookie_len == 17 then tree:add(f.cookie, r:take(17)) end
    local padding = r:bytes(r:left())
    if padding then tree:add(f.padding, padding) end
    return "Hello(" .. (PATTERNS[pattern] or "?") .. ")"
end

-- The id is as long as that of a HELLO that was seen; or else as the preference says.
local function id_of_hello(tvb)
    local raw = tvb:raw(1, math.min(8, tvb:len() - 1))
    for len = 2, 8 do
        local pattern = hellos[raw:sub(1, len)]
        if pattern then return len, pattern end
    end
    return tickwire.prefs.id_length
end

local function read_welcome(tvb, tree)
    local r = reader(tvb, 1)
    local id_len, pattern = id_of_hello(tvb)
    tree:add(f.id, r:take(id_len))
    tree:add(f["noise.ephemeral"], r:take(32))
    if pattern == 0 or pattern == 2 then tree:add(f["noise.static"], r:take(48)) end
    local answer = r:take(r:left())
    tree:add(f["noise.payload"], answer)
    if pattern == nil then return "Welcome" end
    -- A refusal is one byte, an acceptance at least 25.
    return answer:len() == 1 + TAG_LEN and "Welcome(refused)" or "Welcome(accepted)"
end

local function read_refuse(tvb, tree)
    local r = reader(tvb, 1)
    tree:add(f.id, r:take(tvb:len() - 7))
    local reason, range = r:uint(1)
    tree:add(f["refuse.reason"], range)
    local version, version_range = r:uint(1)
    tree:add(f.version, version_range)
    tree:add(f["refuse.check"], r:take(4))
    local text = REFUSALS[reason] and REFUSALS[reason]:format(version) or "?"
    tree:add(f["refuse.text"], range, text):set_generated()
    return "Refuse(" .. text .. ")"
end

local function read_retry(tvb, tree)
    local r = reader(tvb, 1)
    tree:add(f.id, r:take(math.max(r:left() - 17, 2)))
    tree:add(f.cookie, r:take(17))
    return "Retry"
end

local function read_reset(tvb, tree)
    tree:add(f["reset.token"], reader(tvb, 1):take(16))
    return "Reset"
end

local function read_probe(name)
    return function(tvb, tree)
        tree:add(f.nonce, reader(tvb, 1):take(8))
        return name
    end
end

local function read_discovery(tvb, tree)
    local text = tvb:raw():gsub("^%s+", ""):gsub("%s+$", "")
    local item = tree:add(f.discovery, tvb(), text)
    for at, word in tvb:raw():gmatch("()(%S+)") do
        local key, value = word:match("^([^=]+)=(.*)$")
        if key then
            item:add(f["discovery.key"], tvb(at - 1, #key), key)
            if value ~= "" then item:add(f["discovery.value"], tvb(at + #key, #value), value) end
        end
    end
    return text
end

local READERS = {
    [0xC0] = read_hello, [0xC1] = read_welcome, [0xC2] = read_refuse, [0xC3] = read_reset,
    [0xC4] = read_probe("Probe"), [0xC5] = read_probe("ProbeReply"), [0xC6] = read_retry,
}

local function is_discovery(raw)
    return raw:find("^%s*DISCOVER_SERVER%s*$") or raw:find("^%s*SERVER_INFO%s")
end

-- The name of a datagram and who reads it; nothing if it is not ours.
local function kind_of(tvb)
    local first = tvb(0, 1):uint()
    if first >= 0x80 and first < 0xC0 then return "PACKET", read_packet end
    if READERS[first] then return TYPES[first], READERS[first] end
    if is_discovery(tvb:raw()) then return "DISCOVERY", read_discovery end
end

-- Wireshark's calls ----------------------------------------------------------------------------------------------------

function tickwire.dissector(tvb, pinfo, root)
    if tvb:len() == 0 then return 0 end
    local name, read_it = kind_of(tvb)
    if not name then return 0 end
    pinfo.cols.protocol = "Tickwire"
    local tree = root:add(tickwire, tvb(), "Tickwire " .. name)
    tree:add(f.type, tvb(0, 1), name)
    local ok, text
    if read_it == read_packet then
        ok, text = pcall(read_packet, tvb, pinfo.number, tree)
    else
        ok, text = pcall(read_it, tvb, tree)
    end
    if not ok then
        -- Our own mistakes go on to Wireshark.
        if type(text) ~= "table" then error(text) end
        tree:add_proto_expert_info(malformed)
        text = name .. "(malformed)"
    end
    tree:append_text(", " .. text)
    pinfo.cols.info = text
    return tvb:len()
end

-- Whether a datagram on any port is surely ours: a whole HELLO, discovery text, an answer to a HELLO that was seen, or a packet
-- that a key opens.
local function is_ours(tvb, pinfo)
    local first = tvb(0, 1):uint()
    if first == 0xC0 then
        return tvb:len() >= 548 and tvb(1, 1):uint() == 1 and tvb(2, 1):uint() >= 2 and tvb(2, 1):uint() <= 8
    elseif first == 0xC1 or first == 0xC2 then
        local _, pattern = id_of_hello(tvb)
        return tvb:len() > 3 and pattern ~= nil
    elseif first >= 0x80 and first < 0xC0 then
        if opened[pinfo.number] == nil then opened[pinfo.number] = open(tvb:raw()) or false end
        return opened[pinfo.number] ~= false
    end
    return is_discovery(tvb:raw()) ~= nil
end

tickwire:register_heuristic("udp", function(tvb, pinfo, root)
    if tvb:len() < 3 or not is_ours(tvb, pinfo) then return false end
    -- Whatever follows between these two is ours as well.
    pinfo.conversation = tickwire
    tickwire.dissector(tvb, pinfo, root)
    return true
end)

-- What a capture tells a dissector, on an interface of its own: see sim/src/capture/pcapng.rs.
local notes = Proto("tickwire_keys", "Tickwire keys")
local note_text = ProtoField.string("tickwire_keys.line", "Line")
notes.fields = { note_text }

function notes.dissector(tvb, pinfo, root)
    local line = tvb:raw()
    root:add(notes, tvb()):add(note_text, tvb(), line)
    pinfo.cols.protocol = "Tickwire"
    pinfo.cols.info = line:match("^%S+ %S+ %S+ ?%S*") or line
    local ports = line:match("^TICKWIRE_CAPTURE 1 ports=([%d,]+)")
    if pinfo.visited then return tvb:len() end
    if ports then set_ports(ports, true) else learn_keys(line) end
    return tvb:len()
end

DissectorTable.get("wtap_encap"):add((wtap_encaps or wtap).USER0, notes)
use_ports(tostring(tickwire.prefs.ports))
