-- Wireshark dissector for Roadcast frames: the hop header, and behind it the messages by the schema.
--
-- Copy it into Wireshark's folder for plug-ins ("About", "Folders", "Personal Lua Plugins") and add proto/schema to
-- "Preferences", "Protocols", "ProtoBuf", "Protobuf search paths", with "Load all files". Wireshark 4.0 says that files do not
-- exist when the path is relative or has ".." in it (findings/tshark_relative_proto_path.sh). For one run:
--
--     tshark -r FILE -X lua_script:roadcast.lua -o "uat:protobuf_search_paths:\"$PWD/proto/schema\",\"TRUE\"" -Y 'roadcast.class == 0'
--
-- tests/wireshark/check-capture does that and looks for frames that are malformed and fields without a name.
-- It shows what a frame says. Nothing is verified: `roadcast dump FILE --root ... --issuer ...` does that.

local roadcast = Proto("roadcast", "Roadcast V2X")

local kinds = { [0] = "data", [1] = "management", [2] = "probe" }
local types = {
    [1] = "Awareness", [2] = "Hazard", [3] = "SignalState", [4] = "IntersectionMap", [5] = "SignInfo",
    [6] = "RsuAdvert", [7] = "Perception", [8] = "Vru", [9] = "PriorityRequest", [10] = "PriorityStatus",
    [11] = "GnssCorrection", [13] = "Confidential", [32] = "CredentialRequest", [33] = "CredentialResponse", [34] = "RevocationDelta",
    [35] = "MisbehaviourReport", [36] = "NodeStatus", [37] = "Echo", [39] = "UpdateManifest",
}

local f = roadcast.fields
f.version = ProtoField.uint8("roadcast.version", "Version", base.DEC, nil, 0xf0)
f.kind = ProtoField.uint8("roadcast.kind", "Kind", base.DEC, kinds, 0x0f)
f.flags = ProtoField.uint8("roadcast.flags", "Flags", base.HEX)
f.multi_hop = ProtoField.bool("roadcast.flags.multi_hop", "Multi-hop", 8, nil, 0x01)
f.carried = ProtoField.bool("roadcast.flags.carried", "Store-carry-forward copy", 8, nil, 0x02)
f.keep_alive = ProtoField.bool("roadcast.flags.keep_alive", "Keep-alive copy", 8, nil, 0x04)
f.has_position = ProtoField.bool("roadcast.flags.has_position", "Forwarder's position", 8, nil, 0x08)
f.test = ProtoField.bool("roadcast.flags.test", "Test", 8, nil, 0x10)
f.hops = ProtoField.uint8("roadcast.hops", "Hops left")
f.class = ProtoField.uint8("roadcast.class", "Deadline class", base.DEC, nil, 0xf0)
f.forwarder = ProtoField.bytes("roadcast.forwarder", "Forwarder (digest of its credential)", base.NONE)
f.latitude = ProtoField.double("roadcast.latitude", "Forwarder's latitude")
f.longitude = ProtoField.double("roadcast.longitude", "Forwarder's longitude")
f.behind = ProtoField.bytes("roadcast.behind", "Behind the message (padding or a check sequence)", base.NONE)

local short = ProtoExpert.new("roadcast.short", "Shorter than its hop header", expert.group.MALFORMED, expert.severity.ERROR)
local version = ProtoExpert.new("roadcast.other_version", "Another version of the format", expert.group.UNDECODED, expert.severity.WARN)
roadcast.experts = { short, version }

roadcast.prefs.port = Pref.uint("UDP port", 47808, "Port of the group that the stations use")

-- Hands bytes to Wireshark's dissector of protobuf, as one message of the schema. Where a length lies, it has marked the frame as
-- malformed when it gives up; the error is no fault of this script.
local function message(name, bytes, pinfo, tree)
    pinfo.private["pb_msg_type"] = "message,v2x.v1." .. name
    pcall(function() Dissector.get("protobuf"):call(bytes, pinfo, tree) end)
end

-- A varint: its value, and how many bytes it has.
local function varint(bytes, at)
    local value, factor = 0, 1
    for n = 0, math.min(9, bytes:len() - at - 1) do
        local byte = bytes(at + n, 1):uint()
        value, factor = value + byte % 128 * factor, factor * 128
        if byte < 128 then return value, n + 1 end
    end
    return nil, 0
end

-- How long the SignedMessage at the start of these bytes is: it ends with its signer, field 3 or 4. What a link puts behind it is
-- no part of it. All of them where no signer is found.
local function signed_length(bytes)
    local at = 0
    while at < bytes:len() do
        local key, length = varint(bytes, at)
        if not key or key % 8 ~= 2 then break end
        local long, skip = varint(bytes, at + length)
        if not long then break end
        at = at + length + skip + long
        if at > bytes:len() then break end
        if key >= 24 then return at end
    end
    return bytes:len()
end

-- The type of a ToBeSigned: its field 1, wherever it stands among the others.
local function type_of(bytes)
    local at = 0
    while at < bytes:len() do
        local key, length = varint(bytes, at)
        if not key then return nil end
        at = at + length
        local field, wire = math.floor(key / 8), key % 8
        if wire == 0 then
            local value, long = varint(bytes, at)
            if not value then return nil end
            if field == 1 then return value end
            at = at + long
        elseif wire == 1 then at = at + 8
        elseif wire == 5 then at = at + 4
        elseif wire == 2 then
            local long, skip = varint(bytes, at)
            if not long then return nil end
            at = at + skip + long
        else return nil end
    end
end

-- Fields of bytes that hold messages, by their full names. A ToBeSigned comes before its payload, and says its type; a payload
-- with messages of others in it sees theirs come and go.
local payload_type
local function holds(field, title, name)
    local proto = Proto("roadcast_" .. title, "Roadcast " .. title)
    function proto.dissector(bytes, pinfo, tree)
        local what, outer = name(bytes), payload_type
        if what and bytes:len() > 0 then message(what, bytes, pinfo, tree) end
        if field ~= "SignedMessage.tbs" then payload_type = outer end
        return bytes:len()
    end
    DissectorTable.get("protobuf_field"):add("v2x.v1." .. field, proto)
end

holds("SignedMessage.tbs", "signed", function(bytes)
    payload_type = types[type_of(bytes)]
    return "ToBeSigned"
end)
holds("ToBeSigned.payload", "payload", function() return payload_type end)
holds("SignedMessage.credential", "credential", function() return "Credential" end)
holds("Credential.tbs", "credential_signed", function() return "CredentialTbs" end)
holds("CredentialResponse.credentials", "credentials", function() return "Credential" end)
holds("MisbehaviourReport.evidence", "evidence", function() return "SignedMessage" end)

function roadcast.dissector(bytes, pinfo, tree)
    if bytes:len() < 12 then
        tree:add(roadcast, bytes()):add_proto_expert_info(short)
        return bytes:len()
    end
    local positioned = math.floor(bytes(1, 1):uint() / 8) % 2 == 1
    local length = positioned and 20 or 12
    if bytes:len() < length then
        tree:add(roadcast, bytes()):add_proto_expert_info(short)
        return bytes:len()
    end
    local class, hops = math.floor(bytes(3, 1):uint() / 16), bytes(2, 1):uint()
    payload_type = nil
    local head = tree:add(roadcast, bytes(0, length), "Roadcast hop header")
    head:add(f.version, bytes(0, 1))
    head:add(f.kind, bytes(0, 1))
    local flags = head:add(f.flags, bytes(1, 1))
    for _, flag in ipairs({ f.multi_hop, f.carried, f.keep_alive, f.has_position, f.test }) do
        flags:add(flag, bytes(1, 1))
    end
    head:add(f.hops, bytes(2, 1))
    head:add(f.class, bytes(3, 1))
    head:add(f.forwarder, bytes(4, 8))
    if positioned then
        head:add(f.latitude, bytes(12, 4), bytes(12, 4):le_int() / 1e7)
        head:add(f.longitude, bytes(16, 4), bytes(16, 4):le_int() / 1e7)
    end
    if bytes(0, 1):uint() >= 32 or bytes(0, 1):uint() < 16 then
        head:add_proto_expert_info(version)
    elseif bytes:len() > length then
        local long = signed_length(bytes(length):tvb())
        if bytes:len() > length + long then head:add(f.behind, bytes(length + long)) end
        message("SignedMessage", bytes(length, long):tvb(), pinfo, tree)
    end
    local what = payload_type or "message"
    local left = hops == 1 and "1 hop left" or hops .. " hops left"
    pinfo.cols.protocol = "Roadcast"
    pinfo.cols.info = string.format("D%d %s, %s, from %s", class, what, left, bytes(4, 8))
    return bytes:len()
end

local udp, port = DissectorTable.get("udp.port"), 0
local function follow_port()
    if port ~= roadcast.prefs.port then
        if port ~= 0 then udp:remove(port, roadcast) end
        port = roadcast.prefs.port
        if port ~= 0 then udp:add(port, roadcast) end
    end
end
roadcast.prefs_changed = follow_port
follow_port()
for _, ethertype in ipairs({ 0x88b5, 0x88b6 }) do
    DissectorTable.get("ethertype"):add(ethertype, roadcast)
end
