--!later
-- Leaves a function alone for a while.
-- KEYS: state and probe of its circuit. ARGV: 1 the instant in microseconds, ""
-- for this server's clock; 2 for how long, 3 how long to remember that it was
-- open, both in milliseconds.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
redis.call('SET', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2]) * 1000), 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
