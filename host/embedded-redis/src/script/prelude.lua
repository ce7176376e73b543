-- Makes what scripts see: a chosen part of Lua, `redis`, KEYS and ARGV. Nothing
-- a script does to it lasts: all tables that outlive a script refuse changes.
local invoke, is_stopped, sha1hex, replaced = ...
local error, getmetatable = error, getmetatable
local rawset, select, setmetatable, tostring = rawset, select, setmetatable, tostring
local type, unpack = type, unpack
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
    chosen[name] = replaced[name] or content[name]
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

base.string = library(string, "byte char find format gmatch gsub len lower match rep reverse sub upper")
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
