-- AES-128-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439) in plain Lua, to open packets of captures.
--
-- Runs on Lua 5.2 with `bit32` or `bit` (Wireshark before 4.4) and on 5.3 and later with the operators. Slow, and not
-- hardened against anybody who measures time: it is for looking at captures, never for protecting anything.
-- `lua tickwire_aead.lua` tests it.

local ops = rawget(_G, "bit32") or rawget(_G, "bit")
if not ops then
    -- The operators are a syntax error before 5.3, so they are compiled only here.
    ops = load([[return {
        band = function(a, b) return a & b end,
        bor = function(a, b) return a | b end,
        bxor = function(a, b) return a ~ b end,
        lshift = function(a, n) return (a << n) & 0xffffffff end,
        rshift = function(a, n) return (a & 0xffffffff) >> n end,
    }]])()
end
local band, bor, bxor, lshift, rshift = ops.band, ops.bor, ops.bxor, ops.lshift, ops.rshift
local byte, char, floor = string.byte, string.char, math.floor

-- AES-128: tables and key schedule -----------------------------------------------------------------------------------

local sbox, te0, te1, te2, te3 = {}, {}, {}, {}, {}

local function rotr(word, n)
    return bor(rshift(word, n), lshift(word, 32 - n))
end

local function double(x)
    local twice = lshift(x, 1)
    return twice >= 256 and band(bxor(twice, 0x1b), 0xff) or twice
end

-- The S-box by walking through the field with a generator and its inverse (FIPS 197 section 5.1.1).
do
    local p, q = 1, 1
    repeat
        p = bxor(p, double(p))
        q = bxor(q, band(lshift(q, 1), 0xff))
        q = bxor(q, band(lshift(q, 2), 0xff))
        q = bxor(q, band(lshift(q, 4), 0xff))
        if q >= 128 then q = bxor(q, 0x09) end
        local x = q
        for n = 1, 4 do
            x = bxor(x, bor(band(lshift(q, n), 0xff), rshift(q, 8 - n)))
        end
        sbox[p] = bxor(x, 0x63)
    until p == 1
    sbox[0] = 0x63
    for x = 0, 255 do
        local s = sbox[x]
        local s2 = double(s)
        te0[x] = bor(bor(lshift(s2, 24), lshift(s, 16)), bor(lshift(s, 8), bxor(s2, s)))
        te1[x], te2[x], te3[x] = rotr(te0[x], 8), rotr(te0[x], 16), rotr(te0[x], 24)
    end
end

local function word(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return ((a * 256 + (b or 0)) * 256 + (c or 0)) * 256 + (d or 0)
end

local function sub_word(w)
    return bor(
        bor(lshift(sbox[rshift(w, 24)], 24), lshift(sbox[band(rshift(w, 16), 0xff)], 16)),
        bor(lshift(sbox[band(rshift(w, 8), 0xff)], 8), sbox[band(w, 0xff)])
    )
end

local function aes_schedule(key)
    local w, round = {}, 1
    for i = 0, 3 do w[i] = word(key, 1 + 4 * i) end
    for i = 4, 43 do
        local last = w[i - 1]
        if i % 4 == 0 then
            last = bxor(sub_word(rotr(last, 24)), lshift(round, 24))
            round = double(round)
        end
        w[i] = bxor(w[i - 4], last)
    end
    return w
end

local function aes_block(w, a, b, c, d)
    a, b, c, d = bxor(a, w[0]), bxor(b, w[1]), bxor(c, w[2]), bxor(d, w[3])
    local function column(p, q, r, s, k)
        return bxor(
            bxor(te0[rshift(p, 24)], te1[band(rshift(q, 16), 0xff)]),
            bxor(bxor(te2[band(rshift(r, 8), 0xff)], te3[band(s, 0xff)]), k)
        )
    end
    for i = 4, 36, 4 do
        a, b, c, d = column(a, b, c, d, w[i]), column(b, c, d, a, w[i + 1]),
            column(c, d, a, b, w[i + 2]), column(d, a, b, c, w[i + 3])
    end
    local function last(p, q, r, s, k)
        local word = bor(
            bor(lshift(sbox[rshift(p, 24)], 24), lshift(sbox[band(rshift(q, 16), 0xff)], 16)),
            bor(lshift(sbox[band(rshift(r, 8), 0xff)], 8), sbox[band(s, 0xff)])
        )
        return bxor(word, k)
    end
    return last(a, b, c, d, w[40]), last(b, c, d, a, w[41]), last(c, d, a, b, w[42]), last(d, a, b, c, w[43])
end

-- GHASH: multiplication by H, four bits at a time --------------------------------------------------------------------

-- Times x: a shift to the right, since the leftmost bit is the constant term.
local function times_x(a, b, c, d)
    local carry = band(d, 1)
    d = bor(rshift(d, 1), lshift(band(c, 1), 31))
    c = bor(rshift(c, 1), lshift(band(b, 1), 31))
    b = bor(rshift(b, 1), lshift(band(a, 1), 31))
    a = rshift(a, 1)
    if carry == 1 then a = bxor(a, 0xe1000000) end
    return a, b, c, d
end

local reduction = {}
for low = 0, 15 do
    local a, b, c, d = 0, 0, 0, low
    for _ = 1, 4 do a, b, c, d = times_x(a, b, c, d) end
    reduction[low] = a
end

local function ghash_table(a, b, c, d)
    local m = { [0] = { 0, 0, 0, 0 } }
    local bit = 8
    while bit >= 1 do
        m[bit] = { a, b, c, d }
        a, b, c, d = times_x(a, b, c, d)
        bit = floor(bit / 2)
    end
    for n = 3, 15 do
        if not m[n] then
            local high = n >= 8 and 8 or n >= 4 and 4 or 2
            local p, q = m[high], m[n - high]
            m[n] = { bxor(p[1], q[1]), bxor(p[2], q[2]), bxor(p[3], q[3]), bxor(p[4], q[4]) }
        end
    end
    return m
end

local function ghash_times(m, a, b, c, d)
    local words = { a, b, c, d }
    a, b, c, d = 0, 0, 0, 0
    for index = 4, 1, -1 do
        local w = words[index]
        for shift = 0, 28, 4 do
            local low = band(d, 15)
            d = bor(rshift(d, 4), lshift(band(c, 15), 28))
            c = bor(rshift(c, 4), lshift(band(b, 15), 28))
            b = bor(rshift(b, 4), lshift(band(a, 15), 28))
            a = bxor(rshift(a, 4), reduction[low])
            local entry = m[band(rshift(w, shift), 15)]
            a, b, c, d = bxor(a, entry[1]), bxor(b, entry[2]), bxor(c, entry[3]), bxor(d, entry[4])
        end
    end
    return a, b, c, d
end

local function padded(text)
    return text .. ("\0"):rep(-#text % 16)
end

local function bytes_of(w)
    return char(band(rshift(w, 24), 0xff), band(rshift(w, 16), 0xff), band(rshift(w, 8), 0xff), band(w, 0xff))
end

local function xor(text, key)
    local out = {}
    for i = 1, #text do out[i] = char(band(bxor(byte(text, i), byte(key, i)), 0xff)) end
    return table.concat(out)
end

local aes_keys = {}

local function open_aes_128_gcm(key, nonce, header, sealed, tag)
    local state = aes_keys[key]
    if not state then
        local w = aes_schedule(key)
        state = { w = w, m = ghash_table(aes_block(w, 0, 0, 0, 0)) }
        aes_keys[key] = state
    end
    local n1, n2, n3 = word(nonce, 1), word(nonce, 5), word(nonce, 9)
    local a, b, c, d = 0, 0, 0, 0
    local input = padded(header) .. padded(sealed)
    for at = 1, #input, 16 do
        a, b, c, d = ghash_times(state.m, bxor(a, word(input, at)), bxor(b, word(input, at + 4)),
            bxor(c, word(input, at + 8)), bxor(d, word(input, at + 12)))
    end
    a, b, c, d = ghash_times(state.m, a, bxor(b, #header * 8), c, bxor(d, #sealed * 8))
    local e, f, g, h = aes_block(state.w, n1, n2, n3, 1)
    local expected = bytes_of(bxor(a, e)) .. bytes_of(bxor(b, f)) .. bytes_of(bxor(c, g)) .. bytes_of(bxor(d, h))
    if expected ~= tag then return nil end
    local stream = {}
    for block = 1, floor((#sealed + 15) / 16) do
        local p, q, r, s = aes_block(state.w, n1, n2, n3, block + 1)
        stream[block] = bytes_of(p) .. bytes_of(q) .. bytes_of(r) .. bytes_of(s)
    end
    return xor(sealed, table.concat(stream))
end

-- ChaCha20 -----------------------------------------------------------------------------------------------------------

local function word_le(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return ((d * 256 + c) * 256 + b) * 256 + a
end

local function sum(a, b)
    return band(a + b, 0xffffffff)
end

local function quarter(x, a, b, c, d)
    x[a] = sum(x[a], x[b])
    x[d] = rotr(bxor(x[d], x[a]), 16)
    x[c] = sum(x[c], x[d])
    x[b] = rotr(bxor(x[b], x[c]), 20)
    x[a] = sum(x[a], x[b])
    x[d] = rotr(bxor(x[d], x[a]), 24)
    x[c] = sum(x[c], x[d])
    x[b] = rotr(bxor(x[b], x[c]), 25)
end

local function chacha_block(key, nonce, counter)
    local start = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }
    for i = 0, 7 do start[5 + i] = word_le(key, 1 + 4 * i) end
    start[13] = counter
    for i = 0, 2 do start[14 + i] = word_le(nonce, 1 + 4 * i) end
    local x = {}
    for i = 1, 16 do x[i] = start[i] end
    for _ = 1, 10 do
        for i = 1, 4 do quarter(x, i, i + 4, i + 8, i + 12) end
        quarter(x, 1, 6, 11, 16)
        quarter(x, 2, 7, 12, 13)
        quarter(x, 3, 8, 9, 14)
        quarter(x, 4, 5, 10, 15)
    end
    local out = {}
    for i = 1, 16 do out[i] = bytes_of(sum(x[i], start[i])):reverse() end
    return table.concat(out)
end

-- Poly1305 in ten limbs of 13 bits, so that no product leaves the 53 bits that are exact in Lua 5.2 --------------------

local LIMB = 8192

local function limbs(text)
    local out, value, scale = {}, 0, 1
    for i = 1, #text do
        value = value + byte(text, i) * scale
        scale = scale * 256
        if scale >= LIMB then
            out[#out + 1] = value % LIMB
            value, scale = floor(value / LIMB), scale / LIMB
        end
    end
    out[#out + 1] = value
    for i = #out + 1, 10 do out[i] = 0 end
    return out
end

local function carry(h)
    for _ = 1, 2 do
        local over = 0
        for i = 1, 10 do
            local limb = h[i] + over
            over = floor(limb / LIMB)
            h[i] = limb % LIMB
        end
        h[1] = h[1] + 5 * over -- 2^130 is 5
    end
end

local function poly_bytes(h)
    local out, value, scale, index = {}, 0, 1, 1
    for i = 1, 16 do
        while scale < 256 do
            value = value + (h[index] or 0) * scale
            scale, index = scale * LIMB, index + 1
        end
        out[i] = value % 256
        value, scale = floor(value / 256), scale / 256
    end
    return out
end

local function poly1305(key, text)
    local r = { byte(key, 1, 16) }
    for _, i in ipairs({ 4, 8, 12, 16 }) do r[i] = r[i] % 16 end
    for _, i in ipairs({ 5, 9, 13 }) do r[i] = r[i] - r[i] % 4 end
    r = limbs(char((table.unpack or unpack)(r)))
    local h = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
    for at = 1, #text, 16 do
        local part = limbs(text:sub(at, at + 15) .. "\1")
        for i = 1, 10 do h[i] = h[i] + part[i] end
        local product = {}
        for i = 1, 10 do
            local total = 0
            for j = 1, 10 do
                local times = j <= i and r[i - j + 1] or 5 * r[i - j + 11]
                total = total + h[j] * times
            end
            product[i] = total
        end
        h = product
        carry(h)
    end
    carry(h)
    -- h may be p or a little more: then h + 5 reaches 2^130.
    local plus, over = {}, 5
    for i = 1, 10 do
        local limb = h[i] + over
        plus[i], over = limb % LIMB, floor(limb / LIMB)
    end
    local bytes, out, rest = poly_bytes(over > 0 and plus or h), {}, 0
    for i = 1, 16 do
        local total = bytes[i] + byte(key, 16 + i) + rest
        out[i], rest = char(total % 256), floor(total / 256)
    end
    return table.concat(out)
end

local function length(text)
    return bytes_of(#text):reverse() .. "\0\0\0\0"
end

local function open_chacha20_poly1305(key, nonce, header, sealed, tag)
    local once = chacha_block(key, nonce, 0):sub(1, 32)
    local input = padded(header) .. padded(sealed) .. length(header) .. length(sealed)
    if poly1305(once, input) ~= tag then return nil end
    local stream = {}
    for block = 1, floor((#sealed + 63) / 64) do stream[block] = chacha_block(key, nonce, block) end
    return xor(sealed, table.concat(stream))
end

local aead = {
    xor = xor,
    -- open(key, nonce, header, sealed, tag): what was sealed, or nil if it does not belong together. All are strings of bytes.
    ["aes-128-gcm"] = open_aes_128_gcm,
    ["chacha20-poly1305"] = open_chacha20_poly1305,
}

-- Started by hand: known answers --------------------------------------------------------------------------------------

local function hex(text)
    return (text:gsub("%s", ""):gsub("%x%x", function(pair) return char(tonumber(pair, 16)) end))
end

-- RFC 8439 section 2.8.2.
local function test_chacha20_poly1305()
    local sealed = hex [[ d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b
        1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b 6116 ]]
    local key = hex "808182838485868788898a8b8c8d8e8f 909192939495969798999a9b9c9d9e9f"
    local nonce, header = hex "070000004041424344454647", hex "50515253c0c1c2c3c4c5c6c7"
    local tag = hex "1ae10b594f09e26a7e902ecbd0600691"
    local plain = open_chacha20_poly1305(key, nonce, header, sealed, tag)
    assert(plain and plain:find("^Ladies and Gentlemen of the class of '99"))
    assert(not open_chacha20_poly1305(key, nonce, header, sealed, tag:reverse()))
end

-- The specification of GCM by McGrew and Viega, test case 4.
local function test_aes_128_gcm()
    local sealed = hex [[ 42831ec2217774244b7221b784d0d49c e3aa212f2c02a4e035c17e2329aca12e 21d514b25466931c7d8f6a5aac84aa05
        1ba30b396a0aac973d58e091 ]]
    local key, nonce = hex "feffe9928665731c6d6a8f9467308308", hex "cafebabefacedbaddecaf888"
    local header, tag = hex "feedfacedeadbeeffeedfacedeadbeefabaddad2", hex "5bc94fbc3221a5db94fae95ae7121a47"
    local plain = open_aes_128_gcm(key, nonce, header, sealed, tag)
    assert(plain == hex [[ d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72 1c3c0c95956809532fcf0e2449a6b525
        b16aedf5aa0de657ba637b39 ]])
    assert(not open_aes_128_gcm(key, nonce, header:reverse(), sealed, tag))
end

-- The interpreter has `arg`, Wireshark has `Proto`.
if rawget(_G, "arg") and not rawget(_G, "Proto") then
    test_chacha20_poly1305()
    test_aes_128_gcm()
    print("the ciphers give the known answers on " .. _VERSION)
end

return aead
