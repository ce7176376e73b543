-- Makes what scripts see: a chosen part of Lua, `redis`, KEYS and ARGV. Nothing
-- a script does to it lasts: all tables that outlive a script refuse changes.
local invoke, is_stopped, sha1hex, search = ...
local error, getmetatable = error, getmetatable
local rawset, select, setmetatable, tostring = rawset, select, setmetatable, tostring
local tonumber, type, unpack = tonumber, type, unpack
local concat, floor = table.concat, math.floor
local protected_call = pcall

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

-- What works with patterns is made anew: the host's search has a bound.
local text = {}
for name in ("byte char format len lower rep reverse sub upper"):gmatch("%S+") do
  text[name] = string[name]
end
local sub = string.sub

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
base.table = library(table, "concat foreach foreachi getn insert maxn remove sort")
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
    return sha1hex(tostring((...)))
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
