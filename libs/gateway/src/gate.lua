--!later
-- One step for each request: is the token still good, is the function open, and
-- do all limits let the request pass? When one refuses, nothing is consumed.
--
-- KEYS: with a token "auth:ready", "bl:<jti>", "auth:session:<sid>" and
-- "auth:user:<sub>"; with a circuit its state and its probe; then one for each
-- limit.
-- ARGV: 1 the instant in microseconds, "" for this server's clock; 2 "1" with a
-- token; 3 its version; 4 "1" with a circuit; 5 how long a probe may take in
-- milliseconds; then interval and capacity of each limit in microseconds.
-- Answer: denied, ready, circuit (0 closed, 1 open, 2 probe), milliseconds until
-- it may be tried, limit that refused (0 for none), tightest limit, remaining,
-- microseconds until it is full again, microseconds until a retry passes.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local at, ready = 1, 1
if ARGV[2] == '1' then
  local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  if not found[1] then ready = 0 end
  local smallest = tonumber(found[4] or "")
  if found[2] or found[3] or (smallest and tonumber(ARGV[3]) < smallest) then
    return {1, ready, 0, 0, 0, 0, 0, 0, 0}
  end
  at = 5
end

local state = at
if ARGV[4] == '1' then at = at + 2 end

local first, refused, tightest, retry = at, 0, 0, 0
local remaining, reset = 0, 0
local due = {}
for index = 1, #KEYS - first + 1 do
  local interval = tonumber(ARGV[4 + 2 * index])
  local capacity = tonumber(ARGV[5 + 2 * index])
  local tat = tonumber(redis.call('GET', KEYS[first + index - 1]) or "") or now
  if tat < now then tat = now end
  if tat > now + capacity then tat = now + capacity end
  local ahead = tat - now + interval
  if ahead > capacity then
    if ahead - capacity > retry then
      refused, retry = index, ahead - capacity
      tightest, remaining, reset = index, 0, tat - now
    end
  elseif refused == 0 then
    local left = math.floor((capacity - ahead) / interval)
    if tightest == 0 or left < remaining then
      tightest, remaining, reset = index, left, ahead
    end
    due[index] = ahead
  end
end
if refused > 0 then
  return {0, ready, 0, 0, refused, tightest, remaining, reset, retry}
end

local circuit, wait = 0, 0
if ARGV[4] == '1' then
  local open = tonumber(redis.call('GET', KEYS[state]) or "")
  if open and now < open then
    circuit, wait = 1, math.ceil((open - now) / 1000)
  elseif open then
    if redis.call('SET', KEYS[state + 1], '1', 'NX', 'PX', ARGV[5]) then
      circuit = 2
    else
      circuit, wait = 1, tonumber(ARGV[5])
    end
  end
end

for index, ahead in pairs(due) do
  redis.call('SET', KEYS[first + index - 1], string.format('%.0f', now + ahead),
    'PX', string.format('%.0f', math.ceil(ahead / 1000)))
end
return {0, ready, circuit, wait, 0, tightest, remaining, reset, 0}
