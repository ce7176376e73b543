-- Makes what scripts see: a chosen part of Lua, `redis`, KEYS and ARGV. Nothing
-- a script does to it lasts: all tables that outlive a script refuse changes.
local invoke, is_stopped, sha1hex, search, charge = ...
local error, getmetatable, next = error, getmetatable, next
local rawget, rawset, select, setmetatable, tostring = rawget, rawset, select, setmetatable, tostring
local tonumber, type, unpack = tonumber, type, unpack
local floor = math.floor
local protected_call = pcall
-- Texts and runs of items shorter than this are paid for by the call itself.
local CHARGED_FROM = 256

local frozen = {}

-- A table that reads as `content` and refuses to be written.
local function freeze(content)
  local face = setmetatable({}, {
    __index = content,
    __newindex = function()
      error("Attempt to modify a readonly table", 2)
    end,
    __metatable = false,
  })
  frozen[face] = true
  return face
end

local function library(content, names)
  local chosen = {}
  for name in names:gmatch("%S+") do
    chosen[name] = content[name]
  end
  return freeze(chosen)
end

local base = setmetatable({}, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})
local globals = _G
local plain_names = "assert error getmetatable ipairs next pairs rawequal rawget select "
  .. "setmetatable tonumber tostring type unpack _VERSION"
for name in plain_names:gmatch("%S+") do
  base[name] = globals[name]
end

-- The bound on instructions does not reach into C: what takes longer with
-- longer texts or tables says there how much it is about to do.
local function about_to_do(count)
  if count >= CHARGED_FROM then
    charge(count)
  end
end

local function bytes_of(value)
  return type(value) == "string" and #value or 0
end

local text = { byte = string.byte, char = string.char, len = string.len }
for name in ("lower reverse sub upper"):gmatch("%S+") do
  local original = string[name]
  text[name] = function(subject, ...)
    about_to_do(bytes_of(subject))
    return original(subject, ...)
  end
end
local sub, rep, format = string.sub, string.rep, string.format

function text.rep(subject, count)
  local length, times = bytes_of(subject), tonumber(count)
  if length > 0 and times and times > 0 then
    about_to_do(length * times)
  elseif length == 0 and type(subject) == "string" and times then
    -- Lua would put nothing together that many times.
    return ""
  end
  return rep(subject, count)
end

function text.format(template, ...)
  local bytes = bytes_of(template)
  for index = 1, select("#", ...) do
    bytes = bytes + bytes_of((select(index, ...)))
  end
  about_to_do(bytes)
  return format(template, ...)
end

-- Tables: their functions write past metatables, so what is frozen is refused here.
local tables = { getn = table.getn }
local insert, remove, sort, concat_all = table.insert, table.remove, table.sort, table.concat

local function writable(target)
  if frozen[target] then
    error("Attempt to modify a readonly table", 3)
  end
  return type(target) == "table" and #target or 0
end

function tables.insert(target, ...)
  local length = writable(target)
  if select("#", ...) == 2 then
    local place = tonumber((...))
    if place then
      if not (place >= 1 and floor(place) <= length + 1) then
        error("bad argument #2 to 'insert' (position out of bounds)", 2)
      end
      about_to_do(length - place)
    end
  end
  return insert(target, ...)
end

function tables.remove(target, ...)
  local length = writable(target)
  local place = tonumber((...))
  if place and place >= 1 then
    about_to_do(length - place)
  end
  return remove(target, ...)
end

-- Items are compared by Lua's own instructions, which are counted.
function tables.sort(target, is_less)
  writable(target)
  if is_less == nil then
    return sort(target, function(left, right)
      about_to_do(bytes_of(left))
      return left < right
    end)
  elseif type(is_less) ~= "function" then
    return sort(target, is_less)
  end
  return sort(target, function(left, right)
    return (is_less(left, right))
  end)
end

local function concat(target, separator, first, last)
  if type(target) == "table" then
    local between, bytes = bytes_of(separator), 0
    for index = tonumber(first) or 1, tonumber(last) or #target do
      local item = rawget(target, index)
      if item == nil then
        break
      end
      bytes = bytes + bytes_of(item) + between
    end
    about_to_do(bytes)
  end
  return concat_all(target, separator, first, last)
end
tables.concat = concat

local function table_argument(target, name)
  if type(target) ~= "table" then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(target) .. ")", 3)
  end
end

function tables.maxn(target)
  table_argument(target, "maxn")
  local largest = 0
  for key in next, target do
    if type(key) == "number" and key > largest then
      largest = key
    end
  end
  return largest
end

function tables.foreach(target, visit)
  table_argument(target, "foreach")
  for key, value in next, target do
    local result = visit(key, value)
    if result ~= nil then
      return result
    end
  end
end

function tables.foreachi(target, visit)
  table_argument(target, "foreachi")
  for index = 1, #target do
    local result = visit(index, rawget(target, index))
    if result ~= nil then
      return result
    end
  end
end

-- What works with patterns is made anew: the host's search has a bound.
local function text_argument(value, number, name)
  if type(value) == "number" then
    return tostring(value)
  elseif type(value) ~= "string" then
    error("bad argument #" .. number .. " to '" .. name .. "' (string expected, got " .. type(value) .. ")", 3)
  end
  return value
end

local function start_of(subject, init, name)
  local start = init == nil and 1 or tonumber(init)
  if not start then
    error("bad argument #3 to '" .. name .. "' (number expected, got " .. type(init) .. ")", 3)
  end
  start = start < 0 and #subject + start + 1 or start
  return start < 1 and 1 or floor(start)
end

-- Passes on what was found; the text of a malformed pattern is an error.
local function checked(first, ...)
  if type(first) == "string" then
    error(first, 3)
  end
  return first, ...
end

function text.find(subject, pattern, init, plain)
  subject, pattern = text_argument(subject, 1, "find"), text_argument(pattern, 2, "find")
  local start = start_of(subject, init, "find")
  return checked(search(subject, pattern, start, plain and "plain" or "found"))
end

-- The captures of a match, or all of it when it has none.
local function captures_of(subject, first, last, ...)
  if not first then
    return nil
  elseif select("#", ...) == 0 then
    return sub(subject, first, last)
  end
  return ...
end

function text.match(subject, pattern, init)
  subject, pattern = text_argument(subject, 1, "match"), text_argument(pattern, 2, "match")
  local start = start_of(subject, init, "match")
  return captures_of(subject, checked(search(subject, pattern, start, "anchored")))
end

function text.gmatch(subject, pattern)
  subject, pattern = text_argument(subject, 1, "gmatch"), text_argument(pattern, 2, "gmatch")
  local start = 1
  local function advance(first, last, ...)
    if first then
      start = last < first and first + 1 or last + 1
    else
      start = #subject + 2
    end
    return captures_of(subject, first, last, ...)
  end
  return function()
    if start > #subject + 1 then
      return nil
    end
    return advance(checked(search(subject, pattern, start, "repeated")))
  end
end

-- What stands for a match: the first capture decides, all are given to functions.
local function replacement_by(replacement)
  local kind = type(replacement)
  if kind == "table" then
    return function(_, first)
      return replacement[first]
    end
  elseif kind == "function" then
    return function(_, ...)
      return (replacement(...))
    end
  elseif kind ~= "string" and kind ~= "number" then
    error("bad argument #3 to 'gsub' (string/function/table expected)", 3)
  end
  local template = tostring(replacement)
  if not search(template, "%", 1, "plain") then
    return function()
      return template
    end
  end
  return function(whole, ...)
    local parts, from, captures = {}, 1, { ... }
    while true do
      local at = search(template, "%", from, "plain")
      if not at then
        break
      end
      local mark = sub(template, at + 1, at + 1)
      local index = tonumber(mark)
      local value = mark
      if index == 0 then
        value = whole
      elseif index then
        value = captures[index]
        if value == nil then
          error("invalid capture index", 4)
        end
      end
      parts[#parts + 1] = sub(template, from, at - 1)
      parts[#parts + 1] = value
      from = at + 2
    end
    parts[#parts + 1] = sub(template, from)
    return concat(parts)
  end
end

function text.gsub(subject, pattern, replacement, count_max)
  subject, pattern = text_argument(subject, 1, "gsub"), text_argument(pattern, 2, "gsub")
  local value_of = replacement_by(replacement)
  count_max = count_max == nil and #subject + 1 or tonumber(count_max)
  local parts, start, count = {}, 1, 0
  local is_anchored = sub(pattern, 1, 1) == "^"
  local function replace(first, last, ...)
    if not first then
      return false
    end
    count = count + 1
    local whole = sub(subject, first, last)
    local value = value_of(whole, captures_of(subject, first, last, ...))
    if not value then
      value = whole
    elseif type(value) ~= "string" and type(value) ~= "number" then
      error("invalid replacement value (a " .. type(value) .. ")", 3)
    end
    parts[#parts + 1] = sub(subject, start, first - 1)
    parts[#parts + 1] = value
    start = last + 1
    if last < first then
      -- Nothing was matched: the next byte stays.
      parts[#parts + 1] = sub(subject, first, first)
      start = first + 1
    end
    return start <= #subject + 1 and not is_anchored
  end
  while count < count_max do
    if not replace(checked(search(subject, pattern, start, "anchored"))) then
      break
    end
  end
  parts[#parts + 1] = sub(subject, start)
  return concat(parts), count
end

base.string = freeze(text)
base.table = freeze(tables)
base.math = library(math, "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min "
  .. "mod modf pi pow rad random randomseed sin sinh sqrt tan tanh")

-- Methods of strings are those that scripts see, and nobody gets at them.
local of_strings = getmetatable("")
of_strings.__index = base.string
of_strings.__metatable = false

function base.rawset(target, key, value)
  if frozen[target] then
    error("Attempt to modify a readonly table", 2)
  end
  return rawset(target, key, value)
end

local function pack(...)
  return { ... }, select("#", ...)
end

-- Results do not go through C's `pcall`: it pushes one value more than it has
-- asked for room. A script that has to stop cannot catch that.
function base.pcall(body, ...)
  local arguments, argument_count = pack(...)
  local results, result_count
  local succeeded, failure = protected_call(function()
    results, result_count = pack(body(unpack(arguments, 1, argument_count)))
  end)
  if succeeded then
    return true, unpack(results, 1, result_count)
  end
  if is_stopped() then
    error(failure, 0)
  end
  if type(failure) == "table" and type(failure.err) == "string" then
    failure = failure.err
  end
  return false, failure
end

local function call(...)
  local value, failed = invoke(...)
  if failed then
    error(value)
  elseif value == true then
    return { ok = "OK" }
  end
  return value
end

local function try(...)
  local value = invoke(...)
  if value == true then
    return { ok = "OK" }
  end
  return value
end

local function one_text(...)
  local text = ...
  if select("#", ...) == 1 and type(text) == "string" then
    return text
  end
end

local function error_reply(...)
  local text = one_text(...)
  if not text then
    return { err = "ERR wrong number or type of arguments" }
  end
  if text:sub(1, 1) == "-" then
    text = text:sub(2)
  end
  if not text:find(" ", 1, true) then
    text = "ERR " .. text
  end
  return { err = text }
end

local function status_reply(...)
  local text = one_text(...)
  if not text then
    return { err = "ERR wrong number or type of arguments" }
  end
  return { ok = text }
end

base.redis = freeze({
  call = call,
  pcall = try,
  error_reply = error_reply,
  status_reply = status_reply,
  sha1hex = function(...)
    if select("#", ...) ~= 1 then
      error({ err = "ERR wrong number of arguments" })
    end
    local subject = tostring((...))
    about_to_do(#subject)
    return sha1hex(subject)
  end,
  -- Logging is for the functions that send scripts; replication is nobody's here.
  log = function() end,
  replicate_commands = function()
    return true
  end,
  set_repl = function() end,
  LOG_DEBUG = 0,
  LOG_VERBOSE = 1,
  LOG_NOTICE = 2,
  LOG_WARNING = 3,
  REPL_NONE = 0,
  REPL_AOF = 1,
  REPL_SLAVE = 2,
  REPL_REPLICA = 2,
  REPL_ALL = 3,
  REDIS_VERSION = "7.0.15",
  REDIS_VERSION_NUM = 0x0007000f,
})

local environment = freeze(base)
base._G = environment

local script

local function first_result()
  return (script())
end

-- Runs a script; whether it ended well, and the first thing it gave.
local function run(body, keys, arguments)
  script, base.KEYS, base.ARGV = body, keys, arguments
  return protected_call(first_result)
end

return environment, run
